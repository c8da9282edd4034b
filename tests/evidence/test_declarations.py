"""How a declaration stands on a day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qmtestbed.evidence.declarations import state
from qmtestbed.types.plan import Declaration

MADE: dict[str, Any] = {
    "requirement": "A",
    "statement": "Done",
    "by": "QA",
    "date": "2026-01-10",
    "until": "2026-12-31",
}


@pytest.mark.parametrize(
    ("change", "day", "found"),
    [
        ({}, "2026-01-09", "not_yet_valid"),
        ({}, "2026-01-10", "valid"),
        ({}, "2026-12-31", "valid"),
        ({}, "2027-01-01", "expired"),
        ({"until": None}, "2099-01-01", "valid"),
        ({"todo": True}, "2026-06-01", "to_do"),  # filled in, and still marked: nobody said that it is finished
        ({"todo": True, "by": None, "date": None}, "2026-06-01", "to_do"),
        ({"file": "f"}, "2026-06-01", "valid"),
        ({"file": "f", "sha256": "0" * 64}, "2026-06-01", "file_altered"),
        ({"file": "g"}, "2026-06-01", "file_missing"),
        ({"checklist": "c.csv", "checklist_sha256": "0" * 64}, "2026-06-01", "file_altered"),
        ({"checklist": "d.csv"}, "2026-06-01", "file_missing"),
        ({"checklist": "c.csv"}, "2027-01-01", "expired"),
    ],
)
def test_each_state(tmp_path: Path, change: dict[str, Any], day: str, found: str) -> None:
    (tmp_path / "f").write_text("x")
    (tmp_path / "c.csv").write_text("id,question,answer\n1,So?,no\n")
    stands = state(Declaration(**{**MADE, **change}), tmp_path, day, collected=False)
    assert (stands.state, stands.standing) == (found, found)
    assert bool(stands.at_fault) == found.startswith("file")
    assert bool(stands.items) == (change == {"checklist": "c.csv"})
