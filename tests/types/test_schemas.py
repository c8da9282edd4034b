"""The JSON Schemas that ship are those of the types, and what we write is valid by them."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import jsonschema
import pytest


@pytest.fixture(scope="module")
def generated(checkout: Path) -> dict[str, str]:
    made: dict[str, str] = runpy.run_path(str(checkout / "tools" / "write_schemas.py"))["schemas"]()
    return made


def test_shipped_schemas_are_up_to_date(generated: dict[str, str], checkout: Path) -> None:
    """If this fails on purpose: raise the version, run tools/write_schemas.py, change docs/ in the same commit."""
    shipped = {p.name: p.read_text("utf-8") for p in (checkout / "qmtestbed" / "schemas").glob("*.json")}
    assert shipped == {f"{name}.v1.json": text for name, text in generated.items()}


def test_those_for_editors_are_the_same(checkout: Path) -> None:
    written = runpy.run_path(str(checkout / "tools" / "write_schemas.py"))["WRITTEN_BY_PEOPLE"]
    folder = checkout / "docs" / "schemas"
    assert {p.name for p in folder.iterdir()} == {f"{name}.v1.json" for name in written}
    for path in folder.iterdir():
        assert path.read_bytes() == (checkout / "qmtestbed" / "schemas" / path.name).read_bytes()


def test_an_editor_is_told_what_each_key_is(generated: dict[str, str]) -> None:
    inputs = json.loads(generated["ait"])["$defs"]["Suggestion"]["properties"]["inputs"]
    assert inputs["description"] == "Optional inputs without which it makes no sense, and is not written."
    assert json.loads(generated["plan"])["title"] == "qmtestbed/plan/v1"
    manifest = json.loads(generated["ait"])["$defs"]["Manifest"]
    plain = {"schema", "id", "version", "title"}
    assert all(p.get("description") for name, p in manifest["properties"].items() if name not in plain)


def test_schemas_are_schemas(generated: dict[str, str]) -> None:
    for text in generated.values():
        jsonschema.Draft202012Validator.check_schema(json.loads(text))


def validator(generated: dict[str, str], name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(generated[name]))


def test_every_shipped_document_is_valid(generated: dict[str, str], checkout: Path) -> None:
    from qmtestbed.documents import read_document

    for pattern, name in (
        ("aits/*/ait.yaml", "ait"),
        ("guidelines/*/*.yaml", "guideline"),
        ("demo/*/plan.yaml", "plan"),
        ("reports/*/template.yaml", "report"),
    ):
        found = sorted(checkout.glob(pattern))
        assert found
        for path in found:
            validator(generated, name).validate(read_document(path).data)


PLAN: dict[str, Any] = {"schema": "qmtestbed/plan/v1", "component": "x"}


@pytest.mark.parametrize(
    "change",
    [
        {"component": None},
        {"confidence": 1},
        {"confidence": "0.95"},
        {"seed": -1},
        {"seed": 0.5},
        {"inventorys": {}},
        {"inventories": {"a": {"url": "x"}}},
        {"inventories": {"a": {"uri": "x", "task": "clustering"}}},
        {"declarations": [{"requirement": "x", "by": "me", "date": "1 Nov 2026"}]},
        {"schema": "qmtestbed/plan/v2"},
    ],
)
def test_schema_and_decoder_refuse_the_same(generated: dict[str, str], change: dict[str, Any]) -> None:
    from qmtestbed.types.codec import DecodeError, decode
    from qmtestbed.types.plan import Plan

    validator(generated, "plan").validate(PLAN)
    decode(Plan, PLAN)
    with pytest.raises(jsonschema.ValidationError):
        validator(generated, "plan").validate({**PLAN, **change})
    with pytest.raises(DecodeError):
        decode(Plan, {**PLAN, **change})
