"""The in-toto statement: valid by the specification's own fields, and true to the verdicts."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import jsonschema
import pytest

from qmtestbed.render import attestation

SHA256 = {
    "type": "object",
    "properties": {"sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
    "minProperties": 1,
}
DESCRIPTOR = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "uri": {"type": "string", "pattern": "^[a-z][a-z0-9+.-]*:"},
        "digest": SHA256,
        "content": {"type": "string", "contentEncoding": "base64"},
        "downloadLocation": {"type": "string"},
        "mediaType": {"type": "string"},
        "annotations": {"type": "object"},
    },
    "additionalProperties": False,
    "anyOf": [{"required": ["uri"]}, {"required": ["digest"]}, {"required": ["content"]}],
}
TESTS = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
STATEMENT: dict[str, Any] = {
    "type": "object",
    "required": ["_type", "subject", "predicateType", "predicate"],
    "additionalProperties": False,
    "properties": {
        "_type": {"const": "https://in-toto.io/Statement/v1"},
        "subject": {"type": "array", "minItems": 1, "items": {**DESCRIPTOR, "required": ["digest"]}},
        "predicateType": {"const": "https://in-toto.io/attestation/test-result/v0.1"},
        "predicate": {
            "type": "object",
            "required": ["result", "configuration"],
            "additionalProperties": False,
            "properties": {
                "result": {"enum": ["PASSED", "WARNED", "FAILED"]},
                "configuration": {"type": "array", "items": DESCRIPTOR},
                "url": {"type": "string", "pattern": "^https?://"},
                "passedTests": TESTS,
                "warnedTests": TESTS,
                "failedTests": TESTS,
            },
        },
    },
}
"""From the fields of spec/v1/statement.md, spec/v1/resource_descriptor.md and spec/predicates/test-result.md."""

USED = {"bundle.json": "a" * 64, "plan.yaml": "b" * 64, "guidelines/mlqm@3.yaml": "c" * 64}


@pytest.fixture
def said(sample) -> dict[str, Any]:
    content = attestation(*sample, "not_met", "criteria", USED, "https://mlflow.example/#/runs/1")
    statement: dict[str, Any] = json.loads(content)
    jsonschema.Draft202012Validator(STATEMENT).validate(statement)
    return statement


def test_tests_are_checks_and_one_that_is_only_reported_is_none(said) -> None:
    predicate = said["predicate"]
    assert predicate["result"] == "FAILED"
    assert predicate["passedTests"] == ["labels", "stability"]
    assert predicate["warnedTests"] == ["calibration", "shift"]
    assert predicate["failedTests"] == ["performance"]
    assert predicate["url"] == "https://mlflow.example/#/runs/1"


def test_configuration_is_plan_guideline_and_bundle(said) -> None:
    found = {c["name"]: c["digest"]["sha256"] for c in said["predicate"]["configuration"]}
    assert found == USED
    bundle = next(c for c in said["predicate"]["configuration"] if c["name"] == "bundle.json")
    assert bundle["annotations"] == {"qmtestbed_require": "criteria"}


def test_subjects_are_the_model_and_the_data_that_checks_were_bound_to(sample, said) -> None:
    facts = sample[0].info.inventories
    found = {s["name"]: s for s in said["subject"]}
    assert found.keys() == {"claims-triage/7", "data/train.parquet", "data/test.parquet"}
    model = found["claims-triage/7"]
    assert model["uri"] == "models:/claims-triage/7" and model["digest"] == {"sha256": facts["model"].sha256}
    assert "files of the model" in model["annotations"]["qmtestbed_digest"]
    assert found["data/test.parquet"] == {
        "name": "data/test.parquet", "digest": {"sha256": facts["test"].sha256},
    }  # fmt: skip


def test_what_no_check_used_and_the_baseline_are_no_subjects(sample) -> None:
    evidence, assessment = sample
    plan = evidence.plan
    inventories = {**plan.inventories, "baseline": plan.inventories["model"], "unused": plan.inventories["train"]}
    facts = evidence.info.inventories
    other = dataclasses.replace(facts["model"], sha256="d" * 64, version="claims-triage/6")
    info = dataclasses.replace(
        evidence.info, inventories={**facts, "baseline": other, "unused": facts["train"], "again": facts["test"]}
    )
    checks = {
        n: dataclasses.replace(c, with_={**c.with_, "baseline": "baseline", "more": ("again",)})
        for n, c in plan.checks.items()
    }
    changed = dataclasses.replace(
        evidence, info=info, plan=dataclasses.replace(plan, inventories=inventories, checks=checks)
    )
    names = [s["name"] for s in json.loads(attestation(changed, assessment, "met", "criteria", USED))["subject"]]
    assert names == ["claims-triage/7", "data/train.parquet", "data/test.parquet"]  # the same file twice is one


def test_two_files_of_one_name_are_told_apart(sample) -> None:
    evidence, assessment = sample
    facts = dict(evidence.info.inventories)
    facts["train"] = dataclasses.replace(facts["train"], uri="data/test.parquet")
    changed = dataclasses.replace(evidence, info=dataclasses.replace(evidence.info, inventories=facts))
    names = [s["name"] for s in json.loads(attestation(changed, assessment, "met", "criteria", USED))["subject"]]
    assert len(set(names)) == 3 and all("#" in n for n in names[1:])


@pytest.mark.parametrize(("verdict", "result"), [("met", "PASSED"), ("undetermined", "WARNED"), ("not_met", "FAILED")])
def test_results(sample, verdict, result) -> None:
    content = attestation(*sample, verdict, "measured", USED)
    assert content == attestation(*sample, verdict, "measured", dict(reversed(USED.items())))
    statement = json.loads(content)
    jsonschema.Draft202012Validator(STATEMENT).validate(statement)
    assert statement["predicate"]["result"] == result and "url" not in statement["predicate"]


def test_the_schema_of_this_test_refuses_what_the_specification_does(said) -> None:
    for change in (
        {"_type": "x"},
        {"subject": [{"name": "a"}]},
        {"predicate": {"result": "GOOD", "configuration": []}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(STATEMENT).validate({**said, **change})
