r"""How much of single rows leaves a child: everything goes through a :class:`Mask` before it is written.

``--samples`` decides, and no AIT can see or change it:

===================  ===============================  ==================================  ==========================
what                 none                             ids (default)                       full
===================  ===============================  ==================================  ==========================
rows of a finding    how many                         their numbers                       their numbers
``SampleRows``       left out                         numbers, what was found             and what stands in them
``SampleImages``     left out                         numbers, what was found             and the pixels
words of others      the kind of the error            without what they quote             whole
what was printed     left out                         in ``logs/``, which is no evidence  in ``logs/``
predictions          digest only                      kept, on no page                    kept, on no page
===================  ===============================  ==================================  ==========================

Columns with the roles id and sensitive are masked in every case. A row is named by its number, which means something to
those only who have the file; an id such as a customer's number would name the person to anybody. The mask is one fixed
sign: a pseudonym would still tell which rows are of one person.

What types can't tell is looked for by value: the ids, where they are words, in every text, and numbers from 10,000 on
where they fill a column of a table. Counts, ranges, names of classes, categories and groups are true of many rows
together and stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import (
    MASK,
    DataTable,
    Finding,
    Images,
    Predictions,
    Resource,
    Roles,
    SampleImages,
    SampleRows,
    Subject,
    Table,
    Undefined,
)
from qmtestbed.errors import SEE_LOG, AitFault, JobError, ModelFault, see_log
from qmtestbed.execute.handle import Handle
from qmtestbed.execute.returned import plain
from qmtestbed.execute.tables import read_frame
from qmtestbed.types.job import Job
from qmtestbed.types.manifest import SAMPLE_KINDS
from qmtestbed.types.record import Failure, Outcome
from qmtestbed.types.values import MeasureValue, Single

MOST_COLUMNS = 30
MOST_CHARACTERS = 200
SURELY_AN_ID = 10_000
"""Smaller numbers are often counts or classes."""
_LONGEST = 6
"""Words of an id that is looked for in texts."""
_WORD = re.compile(r"[^\s,;'\"()\[\]{}=<>|]+")
_NUMBERS = r"\d[\d,]*(?:(?:, | and | to )\d[\d,]*)*"
_NAMED_ROWS = re.compile(rf"\b((?:row|record|image|item|position|line)s?:? #?|first: )({_NUMBERS})\b", re.IGNORECASE)
_ROW_TITLES = re.compile(r"(?:.*\b)?(?:row|record|image|item|position|index)", re.IGNORECASE)
_QUOTED = re.compile(r"(?<!\w)(['\"`])(.+?)\1(?!\w)")
_NUMBER = re.compile(r"(?<!\w)[-+]?\d[\w.,]*")
_ABOUT_CODE = re.compile(r"^(?:\w+\.)*(?:Name|Attribute|Import|ModuleNotFound|Syntax|Type)Error\b")
_KNOWN = {
    "int",
    "float",
    "str",
    "bool",
    "object",
    "category",
    "int64",
    "float64",
    "datetime64",
    "nan",
    "NaN",
    "NoneType",
}


class Mask:
    """What of single rows is kept of one job, as its ``samples`` say.

    Parameters
    ----------
    job
        Its inputs name the columns that are hidden.
    """

    def __init__(self, job: Job) -> None:
        self.samples = job.samples
        self._job = job
        roles = [i.roles for i in job.inputs.values() if i.roles is not None]
        self._id_columns = {r.id for r in roles if r.id is not None}
        self._sensitive = {c for r in roles for c in r.sensitive}
        self._arguments: Mapping[str, Any] = {}
        self._words: set[str] = set()
        self._numbers: set[int] = set()

    def learn(self, arguments: Mapping[str, Any]) -> None:
        """Learn the ids of the loaded inputs, and let the model's words through to the AIT without what they quote."""
        self._arguments = arguments
        for value in arguments.values():
            if isinstance(value, Handle):
                value.told = self.foreign
        for ids in _ids_of(arguments.values()):
            values = pd.unique(pd.Series(ids).dropna())
            texts = {str(v) for v in values}
            self._numbers |= {int(t) for t in texts if t.isdecimal() and int(t) >= SURELY_AN_ID}
            self._words |= texts
        self._words -= {*_KNOWN, *(str(c) for t in _tables(arguments.values()) for c in t.frame.columns)}

    # -- outcomes ---------------------------------------------------------------------------------------------

    def outcome(self, outcome: Outcome) -> Outcome:
        """Give an outcome as it may be written; :class:`AitFault` if a measure has ids for keys."""
        facts = dict(outcome.facts)
        if "input_example" in facts:
            facts["input_example"] = self.foreign(str(facts["input_example"]))
        return replace(
            outcome,
            measures={name: self._measure(name, m) for name, m in outcome.measures.items()},
            resources={n: k for n, k in outcome.resources.items() if self.samples != "none" or k not in SAMPLE_KINDS},
            findings=tuple(map(self._finding, outcome.findings)),
            facts=facts,
            error=self.failure(outcome.error) if outcome.error else None,
        )

    def _measure(self, name: str, measure: MeasureValue) -> MeasureValue:
        value = measure.value
        if isinstance(value, Mapping):
            numbers = [int(k) for k in value if k.isdecimal()]
            if any(self._is_id(k) for k in value) or (len(numbers) == len(value) and self._are_ids(numbers)):
                do = "give the measure per class, column, group or slice; rows belong into SampleRows"
                raise AitFault(f"measure {name!r} has values of the column with the role id for keys", do=do)
            return MeasureValue({k: self._single(v) for k, v in value.items()})
        if isinstance(value, tuple):
            return MeasureValue(tuple(map(self._single, value)))
        return MeasureValue(self._single(value))

    def _single(self, value: Single) -> Single:
        return Undefined(self.text(value.reason)) if isinstance(value, Undefined) else value

    def _finding(self, finding: Finding) -> Finding:
        s = finding.subject
        rows, count = (None, len(s.rows)) if self.samples == "none" and s.rows is not None else (s.rows, None)
        named = (None if x is None else self.text(x) for x in (s.column, s.slice, s.class_, s.file))
        column, slice_, class_, file = named
        pair = None if s.pair is None else (self.text(s.pair[0]), self.text(s.pair[1]))
        subject = Subject(column, slice_, class_, pair, rows, count, file)
        return replace(finding, subject=subject, text=self.text(finding.text))

    # -- errors -----------------------------------------------------------------------------------------------

    def failure_of(self, error: JobError) -> Failure:
        """Say what went wrong in a job, as far as it may be told."""
        found = self.foreign(error.found) if isinstance(error, ModelFault) else error.found
        if error.quotes:
            told = error.quotes if self.samples == "full" else "details withheld, which --samples full shows"
            found = f"{found}; {told}" if found else told
        return Failure(error.what, self._job.program.id, found, error.do)

    def failure(self, failure: Failure) -> Failure:
        """Give a failure as it may be written."""
        do = failure.do.replace(SEE_LOG, see_log(self.samples))
        return Failure(self.text(failure.what), failure.where, self.text(failure.found), self.text(do))

    def foreign(self, words: str) -> str:
        """Give words of foreign code, which may quote what stands in a row, without what they quote.

        Names of columns are known and stay, and so does what is quoted in errors about code. Where nothing of single
        rows is kept, numbers go as well.
        """
        if self.samples == "full":
            return words
        if not _ABOUT_CODE.match(words):
            known = self._names() if _QUOTED.search(words) else set()
            words = _QUOTED.sub(lambda m: m[0] if m[2] in known else f"{m[1]}{MASK}{m[1]}", words)
        return _NUMBER.sub(MASK, words) if self.samples == "none" else words

    def _names(self) -> set[str]:
        names = set(_KNOWN)
        for source in self._job.inputs.values():
            names |= {*(source.features or ()), *(source.classes or ())}
            if source.roles is not None:
                names |= set(_names_in(source.roles))
            if source.kind in ("table", "predictions") and source.job is None:
                try:
                    names |= set(map(str, read_frame(source, rows=1).columns))
                except JobError:
                    continue  # it can't be read, which is told already
        return names

    # -- texts ------------------------------------------------------------------------------------------------

    def text(self, text: str) -> str:
        """Mask each id in a text and, where nothing of single rows is kept, each number of a row."""
        if self._words:
            text = self._without_ids(text)
        return _NAMED_ROWS.sub(rf"\1{MASK}", text) if self.samples == "none" else text

    def _without_ids(self, text: str) -> str:
        words = list(_WORD.finditer(text))
        done, parts, i = 0, [], 0
        while i < len(words):
            for last in range(min(i + _LONGEST, len(words)) - 1, i - 1, -1):
                start, end = words[i].start(), words[last].end()
                shown = text[start:end].rstrip(".:!?")
                if self._is_id(shown) or self._is_id(text[start:end]):
                    parts += [text[done:start], MASK]
                    done, i = start + len(shown), last
                    break
            i += 1
        return "".join([*parts, text[done:]])

    def _is_id(self, text: str) -> bool:
        """Whether a text is an id; short ones and small numbers could be anything."""
        return len(text) >= 3 and not text.lstrip("-").replace(".", "", 1).isdecimal() and text in self._words

    def _are_ids(self, numbers: Sequence[int]) -> bool:
        return bool(numbers) and all(n in self._numbers for n in numbers)

    # -- resources --------------------------------------------------------------------------------------------

    def resource(self, resource: Resource) -> Resource | None:
        """Give a resource as it may be written; ``None`` where nothing of it may be."""
        if isinstance(resource, (SampleRows, SampleImages)) and self.samples == "none":
            return None
        if isinstance(resource, SampleRows):
            resource = self._rows(resource)
        elif isinstance(resource, SampleImages) and self.samples != "full":
            resource = replace(resource, pixels="", captions=[""] * len(resource.captions))
        elif isinstance(resource, DataTable):
            resource = self._table(resource)
        values = {f.name: getattr(resource, f.name) for f in fields(resource)}
        pixels = {"pixels": values.pop("pixels")} if isinstance(resource, SampleImages) else {}
        return type(resource)(**self._deep(plain(values)), **pixels)

    def _deep(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(k): self._deep(v) for k, v in value.items()}
        return [self._deep(v) for v in value] if isinstance(value, list) else value

    def _rows(self, sample: SampleRows) -> SampleRows:
        cells: dict[str, Sequence[Any]] = {}
        if self.samples == "full":
            cells = {**sample.cells, **{c: x for c, x in self._stands_in(sample) if c not in sample.cells}}
        hidden = self._id_columns | self._sensitive
        cells = {c: [MASK] * len(x) if c in hidden else [_short(v) for v in x] for c, x in cells.items()}
        told = {c: [MASK] * len(x) if c in hidden else x for c, x in sample.told.items()}
        return replace(sample, cells=cells, told=told)

    def _stands_in(self, sample: SampleRows) -> Iterator[tuple[str, Sequence[Any]]]:
        """Give the columns of the sampled rows, the label first; a table knows its rows by their numbers."""
        table = self._arguments.get(sample.of)
        if not isinstance(table, Table):
            return
        at = table.frame.index.get_indexer(pd.Index(list(sample.rows)))
        if (at < 0).any():
            return
        if table.labels is not None:
            yield str(table.roles.label), table.labels.iloc[at].tolist()
        shown = [c for c in table.frame.columns if c not in table.roles.ignore]
        for c in shown[:MOST_COLUMNS]:
            yield str(c), table.frame[c].iloc[at].tolist()

    def _table(self, table: DataTable) -> DataTable:
        hidden = {j for j, title in enumerate(table.columns) if self._hides(str(title), _column(table, j))}
        rows = [[MASK if j in hidden and c is not None else c for j, c in enumerate(line)] for line in table.rows]
        return DataTable(list(table.columns), rows)

    def _hides(self, title: str, cells: Sequence[Any]) -> bool:
        known = [plain(c) for c in cells if c is not None]
        numbers = [c for c in known if isinstance(c, int) and not isinstance(c, bool)]
        digits = [int(c) for c in known if isinstance(c, str) and c.isdecimal()]
        if title in self._id_columns or (len(numbers or digits) == len(known) and self._are_ids(numbers or digits)):
            return True
        if title in self._sensitive:
            return len({str(c) for c in known}) < len(known)
        return self.samples == "none" and _ROW_TITLES.fullmatch(title) is not None and len(numbers) == len(known)


def _ids_of(arguments: Any) -> Iterator[Any]:
    for value in arguments:
        if isinstance(value, Table) and value.roles.id is not None and value.roles.id in value.frame.columns:
            yield value.frame[value.roles.id]
        elif isinstance(value, (Predictions, Images)) and value.ids is not None:
            yield value.ids


def _tables(arguments: Any) -> Iterator[Table]:
    return (value for value in arguments if isinstance(value, Table))


def _names_in(roles: Roles) -> Iterator[str]:
    """Give the columns and classes that roles name."""
    single = (roles.label, roles.positive, roles.id, roles.time, roles.group, roles.weight)
    yield from (name for name in (*single, *roles.sensitive, *roles.ignore, *(roles.classes or ())) if name is not None)


def _column(table: DataTable, j: int) -> list[Any]:
    return [line[j] for line in table.rows if j < len(line)]


def _short(value: Any) -> Any:
    """Give a cell as JSON has it: a missing one is empty, a long text is cut."""
    if not isinstance(value, (list, tuple, Mapping, np.ndarray)) and pd.isna(value):
        return None
    value = plain(value)
    if isinstance(value, (list, Mapping)):
        value = str(value)
    return value[:MOST_CHARACTERS] if isinstance(value, str) else value
