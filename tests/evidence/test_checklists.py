"""Checklists: three kinds of file say the same; what can't be read right is refused at its row."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from qmtestbed.errors import DataError
from qmtestbed.evidence.checklists import read_checklist
from qmtestbed.types.checklist import ChecklistItem

ROWS: list[tuple[Any, ...]] = [
    ("id", "question", "answer", "comment", "evidence"),
    (1, "Are hazards listed?", "yes", None, "hazards.md"),
    (2, "Are labels checked twice?", "No", "from May on", None),
    ("3", "Is a camera used?", "N/A", None, None),
    (4.0, "Are limits fixed?", "", None, None),
]
ITEMS = (
    ChecklistItem("1", "Are hazards listed?", "yes", None, "hazards.md"),
    ChecklistItem("2", "Are labels checked twice?", "no", "from May on"),
    ChecklistItem("3", "Is a camera used?", "not_applicable"),
    ChecklistItem("4", "Are limits fixed?"),
)
JAPANESE = "番号,質問,回答,備考\n1,洗い出したか,はい,\n２,確認したか, いいえ ,五月から\n3,カメラか,該当なし,\n"


def workbook(path: Path, rows: list[tuple[Any, ...]] = ROWS, beside: str = "") -> Path:
    book = openpyxl.Workbook()
    for row in ((), *rows):  # the first line is empty
        book.active.append(row)
    book.create_sheet("empty")
    if beside:
        book.create_sheet("cover")["A1"] = beside
    book.save(path)
    return path


def test_three_kinds_of_file_say_the_same(tmp_path: Path) -> None:
    text = "\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in ROWS)
    (tmp_path / "c.csv").write_text(f"﻿{text}\n,,,,\n".replace("4.0", "4"), "utf-8")
    entries = [
        "- {id: 1, question: Are hazards listed?, answer: yes, evidence: hazards.md}",
        "- {id: 2, question: Are labels checked twice?, answer: no, comment: from May on}",
        "- {id: '3', question: Is a camera used?, answer: not_applicable}",
        "- {id: 4, question: Are limits fixed?, answer: }",
    ]
    (tmp_path / "c.yaml").write_text("\n".join(entries), "utf-8")
    workbook(tmp_path / "c.xlsx")
    for name in ("c.csv", "c.yaml", "c.xlsx"):
        assert read_checklist(tmp_path / name, name) == ITEMS


def test_japanese_titles_and_answers(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(JAPANESE, "utf-8")
    found = read_checklist(tmp_path / "c.csv", "c.csv")
    assert [(i.answer, i.comment) for i in found] == [("yes", None), ("no", "五月から"), ("not_applicable", None)]
    lines = [tuple(line.split(",")) for line in JAPANESE.splitlines()]
    assert read_checklist(workbook(tmp_path / "c.xlsx", lines), "c.xlsx") == found


@pytest.mark.parametrize(
    ("text", "said", "where"),
    [
        ("id,question,answer\n1,a,yes\n1,b,yes\n", "a second question with the id '1'", "c.csv:3"),
        ("id,question,answer\n1,a,maybe\n", "not an answer", "c.csv:2"),
        ("id,question,answer\n1,a,true\n", "not an answer", "c.csv:2"),
        ("id,question,answer\n,a,yes\n", "a question without id", "c.csv:2"),
        ("id,question,answer\n1,,yes\n", "a question without question", "c.csv:2"),
        ("id,question\n1,a\n", "no column 'answer'", "c.csv:2"),
        ("id,question,answer,回答\n1,a,yes,no\n", "two columns of the checklist are 'answer'", "c.csv:2"),
        ("id,question,answer,owner\n1,a,yes,x\n", "unknown column 'owner'", "c.csv:2"),
        ("id,question,answer\n1,a,yes,no\n", "unknown column ''", "c.csv:2"),
        ("id,question,answer\n", "1 to 2,000 questions", "c.csv"),
        ("\n\n", "is empty", "c.csv"),
        (f"id,question,answer\n1,{'a' * 4001},yes\n", "longer than 4,000", "c.csv:2"),
        ('id,question,answer\n1,"a,yes\n', "is not CSV", "c.csv"),
    ],
)
def test_a_csv_that_can_t_be_used(tmp_path: Path, text: str, said: str, where: str) -> None:
    (tmp_path / "c.csv").write_text(text, "utf-8")
    with pytest.raises(DataError) as caught:
        read_checklist(tmp_path / "c.csv", "c.csv")
    assert any(said in p.what and p.where == where for p in caught.value.problems), caught.value.problems


def test_every_problem_at_once(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("- {id: 1, question: a, answer: maybe}\n- {id: 1, question: b, answer: yes}\n")
    with pytest.raises(DataError) as caught:
        read_checklist(tmp_path / "c.yaml", "c.yaml")
    assert [p.where for p in caught.value.problems] == ["c.yaml:1", "c.yaml:2"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("c.csv", "質問".encode("cp932"), "not UTF-8"),
        ("c.txt", b"", "not a kind of checklist"),
        ("c.yaml", b"a: 1", "a list of questions"),
        ("c.yaml", b"- yes", "a question is a mapping"),
        ("c.xlsx", b"PK", "not a workbook"),
        ("c.xlsx", b"", "not a workbook"),
        ("c.csv", b"x" * 5_000_001, "larger than"),
    ],
)
def test_what_is_no_checklist(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_checklist(tmp_path / name, name)


def test_a_workbook_is_never_calculated_nor_half_read(tmp_path: Path) -> None:
    formula = workbook(tmp_path / "f.xlsx", [*ROWS, (5, "Is it so?", '=IF(1,"yes","no")', None, None)])
    with pytest.raises(DataError, match=r"the cell C7 holds a formula") as caught:
        read_checklist(formula, "f.xlsx")
    assert "row 7" in caught.value.problems[0].where
    with pytest.raises(DataError, match="several sheets"):
        read_checklist(workbook(tmp_path / "s.xlsx", beside="no"), "s.xlsx")
    truncated = tmp_path / "t.xlsx"
    truncated.write_bytes(workbook(tmp_path / "w.xlsx").read_bytes()[:-200])
    with pytest.raises(DataError, match="not a workbook"):
        read_checklist(truncated, "t.xlsx")


def test_a_workbook_that_explodes(tmp_path: Path) -> None:
    for content, said in ((b" " * 60_000_000, "too large"), (b'<!DOCTYPE x [<!ENTITY a "b">]><x/>', "entities")):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/workbook.xml", content)
        (tmp_path / "b.xlsx").write_bytes(made.getvalue())
        with pytest.raises(DataError, match=said):
            read_checklist(tmp_path / "b.xlsx", "b.xlsx")


def test_without_openpyxl_it_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(DataError, match=r"qmtestbed\[xlsx\]"):
        read_checklist(workbook_bytes(tmp_path), "c.xlsx")


def workbook_bytes(tmp_path: Path) -> Path:
    (tmp_path / "c.xlsx").write_bytes(b"PK")
    return tmp_path / "c.xlsx"
