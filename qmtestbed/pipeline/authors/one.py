"""``ait run``: one AIT on data that somebody names, without plan, run folder and page."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qmtestbed.catalogue import AitEntry, Catalogue
from qmtestbed.documents import dump_document, parse_document
from qmtestbed.errors import ContentError, InputError, Problem
from qmtestbed.execute import InProcess, launcher_for
from qmtestbed.pipeline.authors.check import find_ait
from qmtestbed.pipeline.authors.trial import Bench
from qmtestbed.pipeline.evaluate import Subject, bindings_of, expected_of, inventories_of, inventory_of
from qmtestbed.pipeline.options import Options
from qmtestbed.plan import check_plan
from qmtestbed.resolve import resolve
from qmtestbed.types.assessment import CheckVerdicts
from qmtestbed.types.codec import lean
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.plan import Check, Component, Inventory, LoadedPlan, Plan
from qmtestbed.types.record import Record


@dataclass(frozen=True)
class Measured:
    """What one AIT measured, what its default criteria say of it, and what it printed."""

    manifest: Manifest
    record: Record
    verdicts: CheckVerdicts
    log: str = ""


def run_ait(
    target: str, subject: Subject, parameters: Mapping[str, Any], options: Options, in_process: bool = False
) -> Measured:
    """Run one AIT.

    Parameters
    ----------
    target
        Its id, or the path of its folder.
    subject
        What there is to bind: data, and where it needs them a model or predictions, and the like.
    parameters
        Those that are not to have their defaults.
    options
        Where else AITs are, and how children are contained.
    in_process
        Run its function in this process, where nothing contains it, so that a debugger stops in it.

    Raises
    ------
    InputError
        It is broken, or needs what is not given; or something given can't be used.
    """
    entry, catalogue = find_ait(target, options)
    if entry.manifest is None:
        raise ContentError(*entry.broken)
    if in_process and entry.manifest.environment == "isolated":
        do = "leave --in-process out; or run a debugger's server in the function"
        raise InputError(Problem(f"{entry.id} runs in an environment of its own, which this process is not in", do=do))
    with tempfile.TemporaryDirectory(prefix="qmt-one-") as scratch:
        loaded = _plan(entry, entry.manifest, subject, parameters, catalogue, Path(scratch))
        exact = resolve(loaded, catalogue, Path(scratch), options.loading(), options.environments(), options.samples)
        with closing(launcher_for(exact.jobs, options.isolation)) as launcher:
            used = InProcess(launcher) if in_process else launcher
            trial = Bench(catalogue, options, used, Path(scratch), inline=in_process).run(exact)
        record = trial.record(entry.id)
        log = Path(scratch, "logs", f"{entry.id}-{record.key[:12]}.log")
        said = log.read_text("utf-8", errors="replace") if log.is_file() else ""
    return Measured(entry.manifest, record, trial.checks[0], said)


def _plan(
    entry: AitEntry,
    manifest: Manifest,
    subject: Subject,
    parameters: Mapping[str, Any],
    catalogue: Catalogue,
    out: Path,
) -> LoadedPlan:
    """Write the plan of one check that is called as the AIT."""
    inventories = inventories_of(subject, out)
    usable = {name: spec for name, spec in manifest.inputs.items() if _is_there(name, inventories)}
    lacking = [(n, s) for n, s in manifest.inputs.items() if n not in usable and not s.optional]
    if lacking:
        raise InputError(*(_lacking(entry.id, name, spec.kind) for name, spec in lacking))
    bindings = bindings_of(usable, inventories)
    check = Check(entry.id, bindings, parameters, expected_of(manifest, bindings))
    used = {n: i for n, i in inventories.items() if n in bindings.values()}
    plan = Plan("qmtestbed/plan/v1", Component(entry.id), seed=subject.seed, inventories=used, checks={entry.id: check})
    return check_plan(plan, parse_document(dump_document(lean(plan)), "command line"), out, catalogue)


def _is_there(name: str, inventories: Mapping[str, Inventory]) -> bool:
    if name == "predictions":
        return bool({"model", "predictions"} & inventories.keys())
    return inventory_of(name, inventories) in inventories


def _lacking(id: str, name: str, kind: str) -> Problem:
    do = _ADD.get(name, "write a plan that binds it, and use qmtestbed run")
    return Problem(f"{id} needs the input {name!r} ({kind})", "command line", do=do)


_ADD = {
    "predictions": "add --model, or --predictions with a file of what it said",
    **{name: f"add --{name}" for name in ("model", "train", "previous", "design")},
}


def parameters_of(written: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Read the values of parameters, each written as in a plan."""
    return {
        name: parse_document(f"value: {text}\n".encode(), f"--param {name}").data["value"] for name, text in written
    }
