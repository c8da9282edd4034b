"""For authors of AITs: a new one, the contract that it keeps, one run of it, and its page."""

from qmtestbed.pipeline.authors.check import RULES, Checked, check_ait
from qmtestbed.pipeline.authors.new import new_ait
from qmtestbed.pipeline.authors.one import Measured, parameters_of, run_ait
from qmtestbed.pipeline.authors.pages import ait_docs, page_name, page_of

__all__ = [
    "RULES",
    "Checked",
    "Measured",
    "ait_docs",
    "check_ait",
    "new_ait",
    "page_name",
    "page_of",
    "parameters_of",
    "run_ait",
]
