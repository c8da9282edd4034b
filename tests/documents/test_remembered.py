"""What an earlier reading of the very same bytes gave is taken; the file itself is what counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qmtestbed import documents
from qmtestbed.documents import read_document


def test_the_same_as_read_and_not_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\nb: [x, 1e-3, null, yes, 2026-11-01, 日本]\nc: {'1': ''}\n", "utf-8")
    plain, first = read_document(path), read_document(path, remember=True)
    monkeypatch.setattr(documents, "_read", lambda *_: pytest.fail("it was read again"))
    again = read_document(path, remember=True)
    assert again.data == first.data == plain.data and again.source == plain.source
    assert [type(v) for v in again.data["b"]] == [type(v) for v in plain.data["b"]]


def test_another_content_or_a_forged_memory_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n")
    read_document(path, remember=True)
    path.write_text("a: 2\n")
    assert read_document(path, remember=True).data == {"a": 2}
    kept = tmp_path / "__pycache__" / "a.yaml.json"
    for forged in (json.dumps({"sha256": "0" * 64, "data": {"a": 3}}), "[]", "{", "\xff"):
        kept.write_text(forged, "latin-1")
        assert read_document(path, remember=True).data == {"a": 2}


def test_a_folder_that_can_not_be_written_to_is_read_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n")
    (tmp_path / "__pycache__").write_text("a file")
    assert read_document(path, remember=True).data == {"a": 1}
