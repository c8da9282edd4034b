"""How many of the combinations of attribute values occur in the data: t-way combinatorial coverage."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from qmtestbed.ait import Bars, DataTable, Design, Finding, Subject, Table, Undefined, class_name
from qmtestbed.measuring.columns import names_of

MOST_TUPLES = 200_000
MOST_CELLS = 2_000_000
MOST_BARS = 40
MOST_LINES = 200
MOST_FINDINGS = 50
_ABOUT = ("total_coverage", "tuple_coverage", "missing_count")
