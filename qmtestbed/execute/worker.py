"""The child: reads ``job.json`` in its folder, runs one job, writes ``record.json`` by rename.

Started as ``python -m qmtestbed.execute.worker FOLDER``. What it writes is an outcome: measured values or the
failure. Identity, cost and isolation are for the parent to say.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import json
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmtestbed.documents import decode_document, read_document
from qmtestbed.errors import SEE_LOG, AitFault, JobError, NeedNotMet
from qmtestbed.execute.cell import confine
from qmtestbed.foreign import visible
from qmtestbed.types.codec import canonical, decode
from qmtestbed.types.job import Job, JobInput
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.record import Failure, Items, Outcome, Status

if TYPE_CHECKING:
    from qmtestbed.execute.masking import Mask

MAX_MESSAGE = 2000
PREDICTIONS = "predictions"


def main(folder: Path) -> None:
    """Run the job in ``folder``, within the layers that the parent asks for, and leave its outcome there."""
    confine(folder)
    work(folder)


def work(folder: Path) -> None:
    """Run the job in ``folder`` and leave its outcome there."""
    job = decode(Job, json.loads((folder / "job.json").read_bytes()))
    mask = mask_of(job)
    try:
        outcome = attempt(job, folder, mask)
        canonical(outcome)  # a text in it that is none in UTF-8 is the program's fault, and is told as that
    except BaseException as error:  # the one broad handler: whatever a foreign program raises becomes a record
        traceback.print_exc()
        outcome = Outcome("failed", error=describe(error, job.program, mask))
    write_outcome(outcome, folder)


def mask_of(job: Job) -> Mask:
    """Give what hides single rows in all that a job leaves."""
    from qmtestbed.execute.masking import Mask

    return Mask(job)


def attempt(job: Job, folder: Path, mask: Mask) -> Outcome:
    """Run a job; failures that we have a name for are its outcome, and what a foreign program raises goes on."""
    try:
        return mask.outcome(run(job, folder, mask))
    except MemoryError:
        what, found = "it needed more memory than its limit", f"limit {job.limits.memory // 2**20:,} MiB"
        do = "raise limits: memory in the manifest, or give it fewer rows"
        return Outcome("out_of_memory", error=Failure(what, job.program.id, found, do))
    except JobError as error:
        told = mask.failure(mask.failure_of(error))
        failure = Failure(_cut(told.what), told.where, _cut(told.found), _cut(told.do))
        status: Status = "unsupported" if isinstance(error, NeedNotMet) else "failed"
        return Outcome(status, facts=error.facts, error=failure)


def run(job: Job, folder: Path, mask: Mask) -> Outcome:
    """Run a probe, a prediction, a measuring function, or one on two models."""
    (folder / "resources").mkdir(exist_ok=True)
    if job.kind == "measure":
        return _measure(job, folder, mask)
    if job.kind == "difference":
        return _difference(job, mask)
    if job.kind == "probe" and "model" not in job.inputs:
        from qmtestbed.execute.describing import describe

        return Outcome("measured", facts=dict(describe(job.inputs["data"], job.parameters["columns"])))
    from qmtestbed.execute.probing import predict, probe

    if job.kind == "probe":
        return Outcome("measured", facts=dict(probe(job.inputs["model"], job.inputs["data"])))
    from qmtestbed.execute.matching import match
    from qmtestbed.execute.tables import write_predictions

    made = predict if "model" in job.inputs else match
    predictions, facts, items = made(job.inputs.get("model") or job.inputs[PREDICTIONS], job.inputs["data"])
    write_predictions(predictions, folder / "resources" / f"{PREDICTIONS}.arrow")
    return Outcome("measured", resources={PREDICTIONS: "predictions"}, facts=dict(facts), items=items)


def _measure(job: Job, folder: Path, mask: Mask) -> Outcome:
    from qmtestbed.execute.returned import check_returned, plain

    manifest, call, arguments, items = _prepare(job)
    mask.learn(arguments)
    outcome, resources = check_returned(manifest, call(**arguments), job.confidence)
    for name, resource in resources.items():
        kept = mask.resource(resource)
        if kept is not None:
            content = {"schema": "qmtestbed/resource/v1", "kind": kept.KIND, **plain(vars(kept))}
            (folder / "resources" / f"{name}.json").write_bytes(canonical(content))
    return replace(outcome, items=items)


def _difference(job: Job, mask: Mask) -> Outcome:
    from qmtestbed.execute.difference import compare

    manifest, call, arguments, items = _prepare(job)
    mask.learn(arguments)
    return replace(compare(job, manifest, call, arguments), items=items)


def _prepare(job: Job) -> tuple[Manifest, Callable[..., Any], dict[str, Any], Items | None]:
    """Give the AIT's manifest, its function with its parameters, its inputs, and how many items they hold."""
    ait = Path(job.program.folder or "")
    manifest = decode_document(Manifest, read_document(ait / "ait.yaml"))
    arguments, items = _load_inputs(job)
    _check_needs(manifest, arguments)
    function = load_function(ait)
    _check_signature(function, manifest)
    call = functools.partial(function, **optional_arguments(function, job), **job.parameters)
    return manifest, call, arguments, items


def _load_inputs(job: Job) -> tuple[dict[str, Any], Items | None]:
    """Load every input, and count the items of the first."""
    arguments: dict[str, Any] = {}
    counted: Items | None = None
    for name, source in job.inputs.items():
        arguments[name], items = _load(source, job)
        counted = counted or items
    return _as_designed(arguments), counted


def _as_designed(arguments: dict[str, Any]) -> dict[str, Any]:
    """Cut numbers into the bins of a design, where there is one with bins."""
    from qmtestbed.ait import Design, Table
    from qmtestbed.execute.inputs import cut_into_bins

    for design in [v for v in arguments.values() if isinstance(v, Design) and v.bins]:
        arguments = {n: cut_into_bins(v, design) if isinstance(v, Table) else v for n, v in arguments.items()}
    return arguments


def _load(source: JobInput, job: Job) -> tuple[Any, Items | None]:
    from qmtestbed.execute import inputs

    match source.kind:
        case "table":
            return inputs.load_table(source, job.limits.rows, job.seed)
        case "images":
            return inputs.load_images(source, job.limits.rows, job.seed)
        case "predictions":
            return inputs.load_predictions(source, job.limits.rows, job.seed)
        case "model":
            return inputs.load_handle(source, job.inputs["data"], job.needs), None
        case "model_files":
            return inputs.load_model_files(source)
        case "design":
            return inputs.load_design(source), None
        case "file":
            return source.path, None
        case _:
            raise AitFault(f"inputs of kind {source.kind!r} can't be given yet")


def _check_needs(manifest: Manifest, arguments: Mapping[str, Any]) -> None:
    """Refuse predictions of another task than the AIT is for, where no probe could tell before."""
    from qmtestbed.ait import Predictions

    for name, spec in manifest.inputs.items():
        value = arguments.get(name)
        if isinstance(value, Predictions):
            for task in {"classification", "regression"} & set(spec.needs):
                if value.task != task:
                    raise NeedNotMet(f"it is for {task}, and the task is {value.task}")


def load_function(folder: Path) -> Callable[..., Any]:
    """Import ``measure.py`` of an AIT's folder and give its function ``measure``.

    Raises
    ------
    AitFault
        There is no such function.
    """
    sys.path.insert(0, str(folder))  # helper modules beside measure.py can be imported
    spec = importlib.util.spec_from_file_location(f"qmtestbed_ait_{folder.name}", folder / "measure.py")
    if spec is None or spec.loader is None:
        raise AitFault("measure.py can't be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    function = getattr(module, "measure", None)
    if not callable(function):
        raise AitFault("measure.py has no function measure", do="define measure(…) with the inputs as arguments")
    return function  # type: ignore[no-any-return]  # callable by the test above


def _check_signature(function: Callable[..., Any], manifest: Manifest) -> None:
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    meant = {*manifest.inputs, *manifest.parameters}
    named = {p.name for p in parameters}
    if not meant <= named or not {p.name for p in parameters if p.default is p.empty} <= meant | {"seed", "confidence"}:
        found, do = ", ".join(sorted(named)), f"its arguments must be: {', '.join(sorted(meant))}"
        raise AitFault("measure() does not take what the manifest names", found=found, do=do)


def optional_arguments(function: Callable[..., Any], job: Job) -> dict[str, Any]:
    """Seed and confidence, each only if the function's signature names it."""
    names = inspect.signature(function).parameters
    offered = {"seed": job.seed, "confidence": job.confidence}
    return {n: v for n, v in offered.items() if n in names and n not in job.parameters}


def describe(error: BaseException, program: Any, mask: Mask) -> Failure:
    """Say in one failure what a foreign exception was, in its own words as far as these may be kept, and on which line.

    The line is that of the AIT.
    """
    lines = str(error).strip().splitlines() or [""]
    where = program.id
    folder = program.folder
    for frame in traceback.extract_tb(error.__traceback__):
        if folder and frame.filename.startswith(folder):
            where = f"{program.id}/{Path(frame.filename).name}:{frame.lineno}"
    words = f"{type(error).__name__}: {lines[0]}" if lines[0] and mask.samples != "none" else type(error).__name__
    what = f"the program ended with {mask.foreign(words)}"
    return mask.failure(Failure(_cut(what), where, "", f"{SEE_LOG}; mend the program or its input"))


def _cut(text: str) -> str:
    text = visible(text)
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


def write_outcome(outcome: Outcome, folder: Path) -> None:
    """Write the outcome by rename: a reader sees all of it or nothing."""
    partial = folder / "record.json.part"
    partial.write_bytes(canonical(outcome))
    partial.replace(folder / "record.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
