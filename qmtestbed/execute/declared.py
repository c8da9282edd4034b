"""What is declared of classes and task, held against the model, its predictions and the labels; never overlooked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from qmtestbed.ait import Roles, Task
from qmtestbed.errors import JobError, ModelFault, suggestion
from qmtestbed.types.record import INPUT_REFUSED

_MOST = 5


@contextmanager
def refusing() -> Iterator[None]:
    """Say of an error in here that the input is at fault."""
    try:
        yield
    except JobError as error:
        error.facts[INPUT_REFUSED] = True
        raise


def check_task(roles: Roles, kind: Task | None, why: str) -> None:
    """Refuse regression where something else says classes, and ``why`` is how; :class:`JobError`."""
    if roles.task == "regression" and kind == "classification":
        do = "leave the task out, or give what answers with numbers"
        raise JobError(f"the task is declared as regression, and {why}", do=do)


def check_classes(declared: Sequence[str] | None, known: Sequence[str], who: str) -> None:
    """Refuse declared classes that lack one of those known of ``who``, which would go on unseen; :class:`JobError`.

    There may be more: rows of a class that the model does not know are rows that it gets wrong.
    """
    lacking = [c for c in known if c not in declared] if declared else []
    if declared and lacking:
        found = f"declared: {_listed(declared)}; {who}'s: {_listed(known)}"
        raise JobError(f"the declared classes lack {_listed(lacking)}, which {who} has", found=found,
                       do="declare every class, or leave the classes out")  # fmt: skip


def check_labels(known: Sequence[str], in_labels: Sequence[str], who: str) -> None:
    """Refuse labels of other classes than those known of ``who`` alone; :class:`ModelFault`."""
    if known and in_labels and not set(known) & set(in_labels):
        found = f"{who}'s: {_listed(known)}; the labels: {_listed(in_labels)}"
        do = "give the labels the names that the model was trained with"
        raise ModelFault(f"the classes of {who} and the labels have nothing in common", found=found, do=do)


def check_positive(positive: str | None, classes: Collection[str], who: str) -> None:
    """Refuse a positive class that is none of the classes, of ``who`` or of the labels; :class:`JobError`."""
    if positive is not None and classes and positive not in classes:
        found = f"classes: {_listed([*classes])}"
        do = f"give a class as positive as it is written there; {suggestion(positive, classes)}"
        if len(classes) == 1:  # of a model or file that does not name its classes, and data without the other one
            do = "declare the classes if it is right: no row is of it"
        raise JobError(f"the positive class {positive!r} is no class of {who} or of the labels", found=found, do=do)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST]) + (f", … {len(names)} in all" if len(names) > _MOST else "")
