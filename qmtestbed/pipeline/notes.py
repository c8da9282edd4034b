"""What a reader of the page should know of a run as a whole."""

from __future__ import annotations

from collections.abc import Iterable

from qmtestbed.types.record import NOT_THE_LIKELIEST, Record


def notes_on_loading(probes: Iterable[Record]) -> tuple[str, ...]:
    """Name each model that runs code on loading: what a scan found, and what the code was contained by."""
    return tuple(dict.fromkeys(_note(r) for r in probes if r.facts.get("scanned")))


def notes_on_matching(predictions: Iterable[Record]) -> tuple[str, ...]:
    """Name each file of predictions that was matched by the order of its rows although the data have ids."""
    return tuple(
        f"The predictions {r.inputs['predictions'].name} have no column {roles.id!r}, so they were matched with "
        f"{r.inputs['data'].name} by the order of the rows: nothing shows that this is their order."
        for r in predictions
        if r.facts.get("matched") == "by the order of the rows"
        and (roles := r.inputs["data"].roles) is not None
        and roles.id is not None
    )


def notes_on_agreement(predictions: Iterable[Record]) -> tuple[str, ...]:
    """Say of each model, or file of predictions, in how many rows it predicts another class than the likeliest."""
    tuned = [r for r in predictions if NOT_THE_LIKELIEST in r.facts]
    names = [(r.inputs.get("model") or r.inputs["predictions"]).name for r in tuned]
    return tuple(
        "In {} of {} rows".format(*r.facts[NOT_THE_LIKELIEST])
        + f" the class that {name} predicts is not the likeliest "
        "one by its probabilities: criteria on classes and criteria on probabilities judge two different rules."
        for r, name in zip(tuned, names, strict=True)
    )


def _note(probe: Record) -> str:
    model = probe.inputs["model"]
    layers = [name for name in probe.isolation if name not in ("process", "environment")]
    inside = f"inside the layers {', '.join(layers)}" if layers else "in a child process without layers of isolation"
    loaded = "It was loaded" if probe.status == "measured" else "It could not be used; this was"
    trust = ", whatever the scan found (--trust any)" if model.trust == "any" else ""
    return f"Loading the model {model.name} runs code. {probe.facts['scanned']}. {loaded} {inside}{trust}."
