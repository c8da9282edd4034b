"""Checks → jobs: probe → predict → measure, each with a key that stands for everything its result depends on."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from qmtestbed.accelerators import gpu
from qmtestbed.ait import Samples
from qmtestbed.catalogue import AitEntry
from qmtestbed.digests import sha256_of_measuring_code, sha256_of_value
from qmtestbed.resolve.arrays import ImagesFacts
from qmtestbed.resolve.datasets import TableFacts
from qmtestbed.resolve.models import ModelFacts
from qmtestbed.resolve.places import Place, environment_of, find_place
from qmtestbed.resolve.trust import Loading
from qmtestbed.tracking.uris import LoggedData
from qmtestbed.types.baseline import BASELINE, comparison
from qmtestbed.types.codec import encode
from qmtestbed.types.environment import Environments
from qmtestbed.types.job import Environment, Job, JobInput, JobKind, JobLimits, Program
from qmtestbed.types.manifest import PROBED, InputKind, InputSpec, Limits, Manifest
from qmtestbed.types.plan import Check, Inventory, Plan
from qmtestbed.types.record import Record

_OF_FLAVOUR: Mapping[str, tuple[str, ...]] = {
    "pytorch": ("torch",),
    "onnx": ("onnxruntime",),
    "xgboost": ("xgboost", "xgboost-cpu"),  # the same module: whichever is installed
    "lightgbm": ("lightgbm",),
    "python_function": ("mlflow",),
}
_READERS = ("skops", "cloudpickle")
"""Distributions that read the files of models."""
_SCANNERS = ("modelscan", "skops")
"""Distributions that look through the files of models that are not loaded."""
_OWN_LIMITS = Limits(timeout="30min", memory="8GiB")
_PATIENCE, _MODELS_COMPARED = 20, 2
"""What a comparison may take, in limits of the AIT: time for some hundred calls, most far from their limit, and room
for two models' predictions."""


@dataclass(frozen=True)
class Bound:
    """An inventory that was found: its plan entry and what it is.

    ``logged`` is where it was found in MLflow, for data that a run was given; ``notes`` are for the page.
    """

    name: str
    inventory: Inventory
    found: ModelFacts | TableFacts | ImagesFacts | FileFacts
    logged: LoggedData | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_to_match(self) -> bool:
        """Whether a table that is bound as predictions gets its labels from the data that it is bound with."""
        return isinstance(self.found, TableFacts) and self.inventory.label is None


@dataclass(frozen=True)
class FileFacts:
    """A file that is given as it is, such as a design."""

    path: Path
    sha256: str
    kind: Literal["file"] = "file"


class GraphBuilder:
    """Collects jobs; a job that several checks share is made once."""

    def __init__(
        self,
        plan: Plan,
        inventories: Mapping[str, Bound],
        loading: Loading,
        samples: Samples = "ids",
        environments: Environments | None = None,
    ) -> None:
        self._plan = plan
        self._samples = samples
        self._loading = loading
        self._environments = environments
        self._bound = inventories
        self._jobs: dict[str, Job] = {}
        self._libraries = {b.found.sha256: _libraries(b.found) for b in inventories.values() if b.found.kind == "model"}

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Every job so far, each after those it needs."""
        return tuple(self._jobs.values())

    def probe(self, model: str, data: str) -> Job:
        """Build the job that finds out what a model can do, on the first rows of a table."""
        inputs = {"model": self._model(model, data), "data": self._data(data)}
        return self._own("probe", inputs)

    def describe(self, data: str, columns: Sequence[str]) -> Job:
        """Build the job that tells what columns of a table hold: a probe without a model."""
        return self._own("probe", {"data": self._data(data)}, parameters={"columns": list(columns)})

    def predict(self, model: str, data: str) -> Job:
        """Build the job that makes the predictions of a model on a table."""
        probe = self.probe(model, data)
        inputs = {"model": self._model(model, data), "data": self._data(data)}
        return self._own("predict", inputs, after=(probe.key,))

    def match(self, predictions: str, data: str) -> Job:
        """Build the job that matches a file of predictions with the data that it is about."""
        inputs = {"predictions": replace(self._data(predictions), kind="predictions"), "data": self._data(data)}
        return self._own("predict", inputs)

    def measure(self, check: Check, entry: AitEntry) -> Job:
        """Build the job of one check, and those that it comes after."""
        return self._add(self._measuring(check, entry))

    def compare(self, check: Check, entry: AitEntry) -> Job:
        """Build the job that compares a check with the baseline.

        Where the AIT gets predictions only, it is called on those of both models, with and without each part of the
        items; where it gets the model, it is the same measurement with the baseline in its place.
        """
        job = self._measuring(check, entry)
        if entry.manifest and comparison(check, entry.manifest) == "unpaired":
            swapped = {n: BASELINE for n in ("model", "predictions") if self._is_model(check.with_.get(n))}
            return self._add(self._measuring(replace(check, with_={**check.with_, **swapped}), entry))
        predicted = self.predict(BASELINE, _one(check.with_["data"]))
        compared = replace(
            job,
            kind="difference",
            inputs={**job.inputs, BASELINE: JobInput("predictions", BASELINE, predicted.key, job=predicted.key)},
            limits=_patient(job.limits),
            after=tuple(dict.fromkeys([*job.after, *predicted.after, predicted.key])),
        )
        return self._add(compared)

    def _is_model(self, bound: str | tuple[str, ...] | None) -> bool:
        return bound is not None and self._bound[_one(bound)].found.kind == "model"

    def _measuring(self, check: Check, entry: AitEntry) -> Job:
        """Give the job of one check, without its key; those it comes after are built."""
        manifest = entry.manifest
        if manifest is None:
            raise ValueError(f"{entry.id} is broken")
        inputs: dict[str, JobInput] = {}
        after: list[str] = []
        for name, spec in manifest.inputs.items():
            bound = check.with_.get(name)
            job = self._predicts(name, spec, check)
            if job is not None:
                inputs[name] = JobInput("predictions", name, job.key, job=job.key)
                after += [*job.after, job.key]
            elif bound is not None:
                inputs[name] = self._input(spec, _one(bound), check)
                if spec.kind == "model":
                    after.append(self.probe(_one(bound), _one(check.with_["data"])).key)
        needs = {n for name, spec in manifest.inputs.items() if name in inputs for n in spec.needs if n in PROBED}
        place = self._place(manifest, tuple(inputs.values()))
        return Job(
            schema="qmtestbed/job/v1",
            key="",
            kind="measure",
            program=Program(manifest.id, manifest.version, entry.sha256, str(entry.folder)),
            inputs=inputs,
            parameters={**{n: p.default for n, p in manifest.parameters.items()}, **check.params},
            seed=self._plan.seed,
            confidence=self._plan.confidence,
            limits=_limits(manifest.limits),
            environment=place.environment,
            after=tuple(dict.fromkeys(after)),
            needs=tuple(sorted(needs)),
            unavailable=entry.missing,
            volatile=manifest.volatile,
            isolated=place.folder,
            unmade=place.unmade,
            samples=self._samples,
        )

    def _own(
        self,
        kind: JobKind,
        inputs: Mapping[str, JobInput],
        after: tuple[str, ...] = (),
        parameters: Mapping[str, Any] | None = None,
    ) -> Job:
        """Build a job of our own code: probe or predict."""
        job = Job(
            schema="qmtestbed/job/v1",
            key="",
            kind=kind,
            program=Program(kind, importlib.metadata.version("qmtestbed"), sha256_of_measuring_code()),
            inputs=inputs,
            parameters=parameters or {},
            seed=self._plan.seed,
            confidence=self._plan.confidence,
            limits=_limits(_OWN_LIMITS),
            environment=self._environment((), inputs.values()),
            after=after,
            samples=self._samples,
        )
        return self._add(job)

    def _place(self, manifest: Manifest, inputs: Sequence[JobInput]) -> Place:
        """Say where an AIT runs: with what is installed here, or in an environment of its own.

        There a model is loaded with the versions that are installed here: they are those it was probed with.
        """
        if manifest.environment == "shared":
            return Place(self._environment([r.distribution for r in manifest.requires], inputs))
        loaded = self._named_by(inputs)
        flavours = {i.flavour for i in inputs if i.kind == "model"}
        if flavours:
            loaded |= {"numpy", "scikit-learn", *_READERS}
        if "python_function" not in flavours:
            loaded.discard("mlflow")  # every model that it logged names it, and no other is loaded by it
        return find_place(manifest, self._environments, loaded)

    def _environment(self, requires: Iterable[str], inputs: Iterable[JobInput]) -> Environment:
        """Versions that a result may depend on: always ours, and those that the AIT or a model names."""
        return environment_of({*requires, *self._named_by(inputs)})

    def _named_by(self, inputs: Iterable[JobInput]) -> set[str]:
        """Name the distributions that the models among some inputs are loaded by, or only looked through."""
        names: set[str] = set()
        for job_input in inputs:
            if job_input.kind == "model":
                names.update(_OF_FLAVOUR.get(job_input.flavour or "", ()))
                names.update(self._libraries.get(job_input.sha256, ()))
            elif job_input.kind == "model_files":
                names.update(_SCANNERS)
        return names

    def _add(self, job: Job) -> Job:
        keyed = replace(job, key=_key(job))
        return self._jobs.setdefault(keyed.key, keyed)

    def _input(self, spec: InputSpec, name: str, check: Check) -> JobInput:
        if spec.kind == "model":
            model = self._model(name, _one(check.with_["data"]))
            # what looks into a model, or changes it, has it in the memory of the processor
            return replace(model, device=None) if "native" in spec.needs else model
        if spec.kind == "model_files":
            return self._files(name)
        data = self._data(name)
        return data if spec.kind == "items" else replace(data, kind=spec.kind)

    def _predicts(self, name: str, spec: InputSpec, check: Check) -> Job | None:
        """Build the job that makes the predictions for an input; ``None`` if it is none, or is given a file alone."""
        bound = check.with_.get(name)
        if spec.kind != "predictions" or "data" not in check.with_:
            return None
        data = _one(check.with_["data"])
        if bound is None:
            asked = name == "predictions" or not spec.optional
            return self.predict(_one(check.with_["model"]), data) if asked and "model" in check.with_ else None
        source = self._bound[_one(bound)]
        if source.found.kind == "model":
            return self.predict(source.name, data)
        return self.match(source.name, data) if source.is_to_match else None

    def _data(self, name: str) -> JobInput:
        bound = self._bound[name]
        facts = bound.found
        if isinstance(facts, ModelFacts):
            raise TypeError(f"{name} is a model")
        kind: InputKind = facts.kind
        return JobInput(kind, facts.path.name, facts.sha256, str(facts.path), roles=bound.inventory.roles)

    def _model(self, name: str, data: str) -> JobInput:
        bound, beside = self._bound[name], self._bound[data]
        facts = bound.found
        if not isinstance(facts, ModelFacts):
            raise TypeError(f"{name} is not a model")
        features = None
        if facts.features is not None and isinstance(beside.found, TableFacts):
            columns = beside.found.columns
            features = tuple(f for f in facts.features if f in columns)
        return JobInput(
            "model",
            facts.requested,
            facts.sha256,
            str(facts.folder),
            flavour=facts.flavour,
            outputs=bound.inventory.outputs,
            classes=bound.inventory.class_names or beside.inventory.class_names,
            features=features,
            trust="any" if self._loading.trusts_any(facts) else None,
            device="cuda" if facts.flavour == "pytorch" and gpu() else None,
        )

    def _files(self, name: str) -> JobInput:
        facts = self._bound[name].found
        if not isinstance(facts, ModelFacts):
            raise TypeError(f"{name} is not a model")
        return JobInput("model_files", facts.requested, facts.sha256, str(facts.folder), flavour=facts.flavour)


def difference_job(
    entry: AitEntry, record: Record, inputs: Mapping[str, JobInput], baseline: JobInput, environments: Environments
) -> Job:
    """Build the job that compares what a record was measured on with other predictions of the same items.

    Parameters
    ----------
    entry
        The AIT that made the record.
    record
        Its parameters, seed and confidence are used again.
    inputs, baseline
        The inputs of the record, and the predictions that take the place of its own.
    environments
        Who provides the environment of an AIT that has one of its own.
    """
    manifest = entry.manifest
    if manifest is None:
        raise ValueError(f"{entry.id} is broken")
    place = find_place(manifest, environments, ())
    job = Job(
        schema="qmtestbed/job/v1",
        key="",
        kind="difference",
        program=Program(manifest.id, manifest.version, entry.sha256, str(entry.folder)),
        inputs={**inputs, BASELINE: baseline},
        parameters=record.parameters,
        seed=record.seed,
        confidence=record.confidence,
        limits=_patient(_limits(manifest.limits)),
        environment=place.environment,
        after=tuple(dict.fromkeys(i.job for i in (*inputs.values(), baseline) if i.job)),
        unavailable=entry.missing,
        isolated=place.folder,
        unmade=place.unmade,
    )
    return replace(job, key=_key(job))


def _patient(limits: JobLimits) -> JobLimits:
    return replace(limits, seconds=limits.seconds * _PATIENCE, memory=limits.memory * _MODELS_COMPARED)


def _libraries(facts: ModelFacts) -> tuple[str, ...]:
    """Name the distributions that a model's answers, or whether it is loaded, may depend on."""
    return (*facts.libraries, "modelscan") if facts.pickled else facts.libraries


def _one(bound: str | tuple[str, ...]) -> str:
    return bound if isinstance(bound, str) else bound[0]


def _limits(limits: Limits) -> JobLimits:
    return JobLimits(limits.seconds, limits.bytes, limits.rows, limits.threads)


def _key(job: Job) -> str:
    """Everything the record may depend on; where this machine keeps the files is not part of it."""
    content: dict[str, Any] = {
        "kind": job.kind,
        "program": [job.program.id, job.program.version, job.program.sha256],
        "measuring_code": sha256_of_measuring_code(),
        "inputs": {name: encode(replace(i, path=None, name="")) for name, i in job.inputs.items()},
        "parameters": encode(job.parameters),
        "confidence": job.confidence,
        "seed": job.seed,
        "rows": job.limits.rows,
        "environment": encode(job.environment),
        "unavailable": list(job.unavailable),
        "samples": job.samples,
    }
    return sha256_of_value(content)
