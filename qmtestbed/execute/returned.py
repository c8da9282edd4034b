"""What a measuring function returned → measured values, checked against the manifest."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qmtestbed.ait import (
    FINDING_KINDS,
    RESOURCE_TYPES,
    Estimate,
    Finding,
    Resource,
    SampleImages,
    SampleRows,
    Undefined,
)
from qmtestbed.errors import AitFault
from qmtestbed.types.manifest import Manifest, MeasureSpec
from qmtestbed.types.record import Failure, Outcome
from qmtestbed.types.values import MeasureValue, Single

MAX_KEYS = 20_000
MOST_SAMPLED, MOST_IMAGES, MOST_BYTES = 200, 24, 2**20
"""Rows, images, and bytes of pixels of one sample."""


def check_returned(manifest: Manifest, returned: Any, confidence: float) -> tuple[Outcome, Mapping[str, Resource]]:
    """Turn a returned mapping into an outcome and its resources.

    Raises
    ------
    AitFault
        A name is missing or undeclared, or a value is of another type, out of range or not finite.
    """
    if isinstance(returned, Undefined):
        return Outcome("undefined", error=Failure(returned.reason, manifest.id)), {}
    if not isinstance(returned, Mapping):
        raise AitFault(f"{manifest.id} must return a mapping", found=type(returned).__name__)
    _check_names(manifest, returned)
    measures = {n: _measure(n, s, returned[n], confidence) for n, s in manifest.measures.items()}
    resources = {n: _resource(n, s.kind, returned[n]) for n, s in manifest.resources.items() if n in returned}
    findings = tuple(_finding(manifest, f) for f in returned.get("findings", ()))
    singles = [v for m in measures.values() for _, v in m.singles()]
    if singles and all(isinstance(v, Undefined) for v in singles):
        reasons = list(dict.fromkeys(v.reason for v in singles if isinstance(v, Undefined)))
        failure = Failure("; ".join(reasons[:3]), manifest.id)
        return Outcome("undefined", measures, error=failure, findings=findings), resources
    return Outcome(
        "measured", measures, {n: s.kind for n, s in manifest.resources.items() if n in resources}, findings
    ), resources


def _check_names(manifest: Manifest, returned: Mapping[Any, Any]) -> None:
    declared = {*manifest.measures, *manifest.resources, "findings"}
    unknown = sorted(str(n) for n in returned if n not in declared)
    if unknown:
        raise AitFault(
            f"{manifest.id} returned names that its manifest does not declare",
            found=", ".join(unknown),
            do="declare them in ait.yaml, or leave them out",
        )
    missing = sorted(n for n in manifest.measures if n not in returned)
    if missing:
        raise AitFault(
            f"{manifest.id} did not return all its measures",
            found="missing: " + ", ".join(missing),
            do="return Undefined(reason) for one that can't be computed",
        )


def _measure(name: str, spec: MeasureSpec, value: Any, confidence: float) -> MeasureValue:
    if isinstance(value, Undefined) or not (spec.per or spec.sequence):
        return MeasureValue(_single(name, spec, value, confidence))
    if spec.per:
        if not isinstance(value, Mapping):
            raise AitFault(f"measure {name!r} is declared per {spec.per}, so a mapping", found=type(value).__name__)
        if len(value) > MAX_KEYS:
            raise AitFault(f"measure {name!r} has more than {MAX_KEYS:,} keys", found=f"{len(value):,}")
        keys = [str(k) for k in value]
        if len(set(keys)) < len(keys):
            raise AitFault(f"measure {name!r} has keys that read the same", found=", ".join(sorted(keys)[:5]))
        return MeasureValue({str(k): _single(f"{name}[{k}]", spec, v, confidence) for k, v in value.items()})
    if isinstance(value, (str, Mapping)) or not isinstance(value, (Sequence, np.ndarray)):
        raise AitFault(f"measure {name!r} is declared as a sequence", found=type(value).__name__)
    return MeasureValue(tuple(_single(f"{name}[{i}]", spec, v, confidence) for i, v in enumerate(value)))


def _single(name: str, spec: MeasureSpec, value: Any, confidence: float) -> Single:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Undefined):
        return Undefined(str(value.reason))
    if isinstance(value, Estimate):
        return _estimate(name, spec, value, confidence)
    if isinstance(value, bool):
        return value
    if not isinstance(value, (int, float)):
        raise AitFault(f"measure {name!r} is neither a number nor an estimate", found=f"{type(value).__name__}")
    if spec.has_interval:
        raise AitFault(
            f"measure {name!r} is declared with an interval ({spec.interval}) but came without",
            do="return Estimate(value, low, high, level, n)",
        )
    checked: Single = _in_range(name, spec, value)
    return checked


def _estimate(name: str, spec: MeasureSpec, e: Estimate, confidence: float) -> Estimate:
    if not spec.has_interval:
        raise AitFault(
            f"measure {name!r} is declared without an interval but came with one",
            do="name the method under interval: in ait.yaml",
        )
    value, low, high = (
        float(_in_range(f"{name} ({part})", spec, x))
        for part, x in (("value", _plain(e.value)), ("low", _plain(e.low)), ("high", _plain(e.high)))
    )
    if low > high:
        raise AitFault(f"the interval of {name!r} has its ends the wrong way round", found=f"[{low}, {high}]")
    if abs(_plain(e.level) - confidence) > 1e-9:
        raise AitFault(
            f"the interval of {name!r} has another level than the plan's confidence",
            found=f"{e.level}, the plan's is {confidence}",
            do="take the argument confidence",
        )
    return Estimate(value, low, high, confidence, int(e.n))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _in_range(name: str, spec: MeasureSpec, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise AitFault(
            f"{name!r} is not a finite number",
            found=repr(value)[:80],
            do="return Undefined(reason) where there is no such number",
        )
    low, high = spec.range
    if (low is not None and value < low) or (high is not None and value > high):
        raise AitFault(f"{name!r} is outside its declared range [{low}, {high}]", found=f"{value:.6g}")
    return value


def _finding(manifest: Manifest, finding: Any) -> Finding:
    if not isinstance(finding, Finding):
        raise AitFault(f"{manifest.id} returned a finding that is no Finding", found=type(finding).__name__)
    if finding.kind not in FINDING_KINDS:
        what = f"{manifest.id} returned a finding of an unknown kind {finding.kind!r}"
        raise AitFault(what, do="kinds: " + ", ".join(FINDING_KINDS))
    if finding.measure not in manifest.measures:
        raise AitFault(f"{manifest.id} returned a finding on an unknown measure", found=finding.measure)
    s = finding.subject
    rows = None if s.rows is None else tuple(int(r) for r in s.rows)
    pair = None if s.pair is None else (str(s.pair[0]), str(s.pair[1]))
    subject = type(s)(_text(s.column), _text(s.slice), _text(s.class_), pair, rows, file=_text(s.file))
    value = _plain(finding.value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise AitFault(f"{manifest.id} returned a finding whose value is not a finite number", found=repr(value)[:80])
    return Finding(finding.kind, subject, finding.measure, float(value), str(finding.text))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _resource(name: str, kind: str, value: Any) -> Resource:
    expected = RESOURCE_TYPES.get(kind)
    if expected is None or not isinstance(value, expected):
        raise AitFault(
            f"resource {name!r} is declared as {kind}",
            found=type(value).__name__,
            do=f"return a {expected.__name__}" if expected else "",
        )
    if isinstance(value, (SampleRows, SampleImages)):
        _check_sample(name, value)
    return value


def _check_sample(name: str, sample: SampleRows | SampleImages) -> None:
    n = len(sample.rows)
    most = MOST_IMAGES if isinstance(sample, SampleImages) else MOST_SAMPLED
    if n > most:
        raise AitFault(f"resource {name!r} is a sample of more than {most} rows", found=f"{n:,}")
    if isinstance(sample, SampleImages):
        lengths = {"captions": len(sample.captions)}
        if len(base64.b64decode(sample.pixels)) != sample.bytes_expected or sample.bytes_expected > MOST_BYTES:
            found = f"{sample.bytes_expected:,} bytes for {n} images of {sample.size} in {len(sample.states)} states"
            do = f"make it with measuring.strips; at most {MOST_BYTES:,} bytes"
            raise AitFault(f"resource {name!r} does not hold the pixels that it says", found=found, do=do)
    else:
        lengths = {title: len(x) for part in (sample.told, sample.beside, sample.cells) for title, x in part.items()}
    wrong = [title for title, length in lengths.items() if length != n]
    if wrong:
        found = f"{n} rows; {', '.join(map(str, wrong))}: {', '.join(str(lengths[t]) for t in wrong)}"
        raise AitFault(f"resource {name!r} has columns that are not as long as its rows", found=found)


def plain(value: Any) -> Any:
    """Turn what stands inside a resource into JSON values; numbers that are not finite are null."""
    if isinstance(value, (np.generic, np.ndarray)):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
