"""What of single rows leaves a child: decided by ``--samples``, whatever an AIT returns."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qmtestbed.ait import (
    MASK,
    Bars,
    DataTable,
    Finding,
    Matrix,
    Predictions,
    Prose,
    Roles,
    SampleImages,
    SampleRows,
    Subject,
    Table,
    Undefined,
)
from qmtestbed.errors import AitFault, JobError, ModelFault
from qmtestbed.execute.masking import Mask
from qmtestbed.execute.returned import check_returned
from qmtestbed.execute.worker import describe
from qmtestbed.types.codec import canonical, decode
from qmtestbed.types.job import Environment, Job, JobInput, JobLimits, Program
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.record import Failure, Outcome
from qmtestbed.types.values import MeasureValue

ROLES = Roles(label="ill", id="patient", sensitive=("sex",))
NAMES = ["Sato Hanako", "P-1002", "P-1003", "P-1004"]
FRAME = pd.DataFrame(
    {"patient": NAMES, "sex": list("fmfm"), "city": ["Oita", "Kobe", None, "Nara"], "age": [1, 2, 3, 4]}
)
TABLE = Table(FRAME, pd.Series(["yes", "no", "no", "yes"], name="ill"), ROLES)
PROGRAM = Program("some_ait", "1.0.0", "0" * 64)


def mask(samples: str, table: Table = TABLE, **inputs: Any) -> Mask:
    data, limits, nowhere = JobInput("table", "d", "0", roles=table.roles), JobLimits(1, 1), Environment("", "", {})
    job = Job("qmtestbed/job/v1", "k", "measure", PROGRAM, {"data": data}, {}, 0, 0.95, limits, nowhere)
    job = replace(job, samples=samples)  # type: ignore[arg-type]
    made = Mask(job)
    made.learn({"data": table, **inputs})
    return made


SAMPLE = SampleRows([2, 0], {"rank": [1, 2]}, {"same as row": [1, 3]}, {"sex": ["f", "f"], "said": ["no", "yes"]})


def test_nothing_of_samples_stays_with_none() -> None:
    assert mask("none").resource(SAMPLE) is None
    assert mask("none").resource(SampleImages([1], ["x"], ["a"], 9, 0)) is None
    kept = mask("none").outcome(Outcome("measured", resources={"s": "rows", "i": "images", "b": "bars"}))
    assert kept.resources == {"b": "bars"}


def test_rows_keep_their_numbers_with_ids_and_nothing_that_stands_in_them() -> None:
    assert mask("ids").resource(SAMPLE) == replace(SAMPLE, cells={})


def test_rows_keep_their_cells_with_full_but_id_and_sensitive() -> None:
    kept = mask("full").resource(SAMPLE)
    assert isinstance(kept, SampleRows) and (kept.rows, kept.told) == ([2, 0], {"rank": [1, 2]})
    hidden = [MASK, MASK]
    assert kept.cells == {"sex": hidden, "said": ["no", "yes"], "ill": ["no", "yes"], "patient": hidden,
                          "city": [None, "Oita"], "age": [3, 1]}  # fmt: skip


def test_cells_are_those_of_the_rows_that_are_named_also_in_a_subsample() -> None:
    part = Table(FRAME.iloc[[1, 3]], TABLE.labels.iloc[[1, 3]], ROLES)  # type: ignore[union-attr]
    kept = mask("full", part).resource(SampleRows([3]))
    assert isinstance(kept, SampleRows) and kept.cells["age"] == [4] and kept.cells["ill"] == ["yes"]
    gone = mask("full", part).resource(SampleRows([0]))
    assert isinstance(gone, SampleRows) and gone.cells == {}


def test_columns_to_ignore_are_given_to_nobody() -> None:
    kept = mask("full", replace(TABLE, roles=replace(ROLES, ignore=("city",)))).resource(SampleRows([0]))
    assert isinstance(kept, SampleRows) and "city" not in kept.cells


def test_images_keep_their_pixels_with_full_only() -> None:
    strip = SampleImages([4], ["ill → well"], ["a"], 9, 0, "all", (1, 2, 1), base64.b64encode(b"\1\2").decode())
    assert mask("full").resource(strip) == replace(strip, size=[1, 2, 1])  # type: ignore[arg-type]
    kept = mask("ids").resource(strip)
    assert isinstance(kept, SampleImages) and (kept.rows, kept.pixels, kept.captions) == ([4], "", [""])


@pytest.mark.parametrize("samples", ["none", "ids", "full"])
@pytest.mark.parametrize(
    "resource",
    [
        DataTable(("patient", "score"), [(n, 0.5) for n in NAMES]),
        DataTable(("who", "score"), [(n, 0.5) for n in NAMES]),
        DataTable(("row", "said"), [(1, f"patient {n}: ill") for n in NAMES]),
        Bars(NAMES, [1.0] * 4),
        Matrix([[1.0]] * 4, NAMES, ["n"]),
        Prose(f"The oldest are {' and '.join(NAMES)}."),
        SampleRows([0, 1, 2, 3], {"who": NAMES}, cells={"copy": NAMES}),
    ],
)
def test_no_resource_holds_an_id_however_it_is_returned(resource: Any, samples: str) -> None:
    """An AIT that hands out rows by accident: under any title, in a label, in a sentence."""
    kept = canonical(mask(samples).resource(resource)).decode()
    assert not any(part in kept for name in NAMES for part in (name, "Hanako"))
    assert MASK in kept or kept == "null\n"


def test_rows_under_the_title_of_a_sensitive_column_are_masked_and_groups_are_not() -> None:
    rows = DataTable(("sex", "age"), [("f", 1), ("m", 2), ("f", 3)])
    assert [line[0] for line in mask("full").resource(rows).rows] == [MASK] * 3  # type: ignore[union-attr,index]
    groups = DataTable(("sex", "mean age"), [("f", 2.0), ("m", 3.0)])
    assert mask("none").resource(groups) == DataTable(["sex", "mean age"], [["f", 2.0], ["m", 3.0]])


def test_numbers_are_ids_only_where_they_can_be_nothing_else() -> None:
    numbered = Table(FRAME.assign(patient=[20_001, 20_003, 3, 4]), None, ROLES)
    table = DataTable(("who", "n", "mixed"), [(20_001, 3, 20_001), (20_003, 4, 0.5)])
    assert mask("ids", numbered).resource(table) == DataTable(
        ["who", "n", "mixed"], [[MASK, 3, 20_001], [MASK, 4, 0.5]]
    )


def test_row_numbers_in_a_table_go_with_none() -> None:
    table = DataTable(("row", "rows", "share"), [(17, 20, 0.5), (18, 30, 0.5)])
    assert [line[:2] for line in mask("none").resource(table).rows] == [[MASK, 20], [MASK, 30]]  # type: ignore[union-attr,index]
    assert [line[:2] for line in mask("ids").resource(table).rows] == [[17, 20], [18, 30]]  # type: ignore[union-attr,index]


FINDING = Finding("outlier", Subject(rows=(3, 1)), "share", 0.5, "Row 3 and rows 1, 12 of 40 rows are of P-1003.")


def test_a_finding_keeps_what_the_mode_allows() -> None:
    def kept(samples: str) -> Finding:
        return mask(samples).outcome(Outcome("measured", findings=(FINDING,))).findings[0]

    assert kept("none").subject == Subject(row_count=2)
    assert kept("none").text == f"Row {MASK} and rows {MASK} of 40 rows are of {MASK}."
    assert (kept("none").kind, kept("none").measure, kept("none").value) == ("outlier", "share", 0.5)
    for samples in ("ids", "full"):
        assert kept(samples).subject == Subject(rows=(3, 1))
        assert kept(samples).text == f"Row 3 and rows 1, 12 of 40 rows are of {MASK}."


def test_a_measure_keyed_by_ids_is_refused() -> None:
    for keys in (NAMES, ["P-1002", "other"]):
        outcome = Outcome("measured", {"each": MeasureValue(dict.fromkeys(keys, 1.0))})
        with pytest.raises(AitFault, match="role id for keys"):
            mask("full").outcome(outcome)
    outcome = Outcome("measured", {"each": MeasureValue({"f": 1.0, "m": Undefined("P-1002 is alone")})})
    assert mask("full").outcome(outcome).measures["each"].value == {"f": 1.0, "m": Undefined(f"{MASK} is alone")}


def test_ids_of_predictions_count_as_well() -> None:
    given = Predictions("classification", np.array(["a"]), np.array(["a"]), ids=np.array(["K-77777"], dtype=object))
    kept = mask("ids", replace(TABLE, roles=Roles()), predictions=given).resource(Prose("It is K-77777."))
    assert kept == Prose(f"It is {MASK}.")


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ("none", "ValueError"),
        ("ids", f"ValueError: could not convert '{MASK}' in column 'city' at 7"),
        ("full", "ValueError: could not convert 'Oita-shi' in column 'city' at 7"),
    ],
)
def test_words_of_foreign_code_lose_what_they_quote(samples: str, said: str, tmp_path: Any) -> None:
    path = tmp_path / "d.parquet"
    FRAME.to_parquet(path)
    made = mask(samples)
    made._job = replace(made._job, inputs={"data": replace(made._job.inputs["data"], path=str(path))})
    error = ValueError("could not convert 'Oita-shi' in column 'city' at 7")
    told = describe(error, PROGRAM, made)
    assert told.what == f"the program ended with {said}"
    assert ("to have its log" in told.do) == (samples == "none")
    fault = made.failure_of(ModelFault("it failed", found=f"ValueError: {error}"))
    assert ("Oita-shi" in fault.found) == (samples == "full") and ("7" in fault.found) == (samples != "none")


def test_errors_about_code_keep_the_names_they_quote() -> None:
    told = describe(NameError("name 'frame' is not defined"), PROGRAM, mask("ids"))
    assert told.what == "the program ended with NameError: name 'frame' is not defined"


def test_what_an_error_quotes_of_rows_is_told_with_full_only() -> None:
    error = JobError("ids do not match", found="3 ids", quotes="first: P-1002")
    assert mask("full").failure_of(error).found == "3 ids; first: P-1002"
    for samples in ("none", "ids"):
        assert "P-1002" not in canonical(mask(samples).failure_of(error)).decode()
    assert mask("none").failure(Failure("row 7 is odd", found="the first: 3, 4")) == Failure(
        f"row {MASK} is odd", found=f"the first: {MASK}"
    )


MANIFEST = decode(
    Manifest,
    {
        "schema": "qmtestbed/ait/v1", "id": "x", "version": "1.0.0", "title": "X", "quality": "correctness",
        "method": "m", "references": [], "informs": {}, "inputs": {"data": {"kind": "table"}},
        "measures": {"n": {"unit": "rows", "range": [0, None]}},
        "resources": {"rows": {"kind": "rows"}, "strip": {"kind": "images"}, "table": {"kind": "table"}},
    },
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("rows", SampleRows(range(201)), "more than 200 rows"),
        ("rows", SampleRows([1, 2], {"rank": [1]}), "not as long as its rows"),
        ("table", SampleRows([1]), "declared as table"),
        ("rows", DataTable(("row",), [(1,)]), "declared as rows"),
        ("strip", SampleImages([1], ["a"], ["s"], 1, 0, "", (1, 2, 1), "AA=="), "does not hold the pixels"),
        ("strip", SampleImages(range(25), [""] * 25, ["s"], 30, 0), "more than 24 rows"),
        ("strip", SampleImages([1], [], ["s"], 1, 0), "not as long as its rows"),
    ],
)
def test_samples_that_are_not_what_they_say_are_refused(name: str, value: Any, said: str) -> None:
    with pytest.raises(AitFault, match=said):
        check_returned(MANIFEST, {"n": 1, name: value}, 0.95)
