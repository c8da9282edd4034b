"""The control pair of an AIT: input known to be good and input known to be bad, told apart by its default criteria.

``example/controls.yaml`` is a plan without criteria. Its checks are called ``good…`` and ``bad…``; each gets the
default criteria of the manifest whose inputs it binds. Where the AIT is for information only, and so has none, the plan
has criteria of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from qmtestbed.catalogue import AitEntry, Catalogue
from qmtestbed.errors import PlanError, Problem
from qmtestbed.pipeline.authors.trial import Trial
from qmtestbed.pipeline.evaluate import expected_of
from qmtestbed.plan import load_plan
from qmtestbed.types.assessment import CheckVerdicts
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.plan import LoadedPlan

FILE = Path("example", "controls.yaml")


def load_controls(entry: AitEntry, manifest: Manifest, catalogue: Catalogue) -> LoadedPlan:
    """Read the control pair, with the default criteria filled in.

    Raises
    ------
    PlanError
        With every problem.
    """
    path, where = entry.folder / FILE, f"{entry.id}/{FILE.as_posix()}"
    if not path.is_file():
        do = "write a plan with two checks, good and bad, each with an input of its kind; see qmtestbed ait new"
        raise PlanError(Problem("there is no control pair", where, do=do))
    loaded = load_plan(path, catalogue)
    problems = list(_problems(loaded, manifest, where))
    if problems:
        raise PlanError(*problems)
    if manifest.information:
        return loaded
    checks = {n: replace(c, expect=expected_of(manifest, c.with_)) for n, c in loaded.plan.checks.items()}
    return replace(loaded, plan=replace(loaded.plan, checks=checks))


def _problems(loaded: LoadedPlan, manifest: Manifest, where: str) -> Iterator[Problem]:
    id, checks = manifest.id, loaded.plan.checks
    for kind in ("good", "bad"):
        if not any(name.startswith(kind) for name in checks):
            yield Problem(f"no check is called {kind}", where, ", ".join(checks), f"add one with a {kind} input")
    for name, check in checks.items():
        if not name.startswith(("good", "bad")):
            yield Problem(f"the check {name!r} is neither", where, do="begin its name with good or bad")
        if check.ait != id:
            yield Problem(f"the check {name!r} is of another AIT", where, check.ait, f"write ait: {id}")
        if manifest.information and not check.expect:
            yield Problem(f"the check {name!r} has no criteria", where, do="add expect:, as the AIT suggests none")
        if check.expect and not manifest.information:
            yield Problem(f"the check {name!r} has criteria of its own", where, do="leave out expect:")


def control_faults(trial: Trial, manifest: Manifest) -> Iterator[Problem]:
    """Say where the default criteria do not tell good from bad."""
    missed: set[str] = set()
    judged: set[str] = set()
    for check in trial.checks:
        judged |= {c.text for c in check.criteria}
        missed |= {c.text for c in check.criteria if c.verdict == "not_met"}
        yield from _faults(check, f"{manifest.id}/{FILE.as_posix()}: {check.id}")
    for s in manifest.suggests:
        if s.criterion not in judged:
            do = f"bind {', '.join(s.inputs)} in a check that is good and in one that is bad"
            yield Problem(f"no control is about {s.criterion!r}", f"{manifest.id}/{FILE.as_posix()}", do=do)
        elif s.criterion not in missed:
            do = "add a bad input that misses it, or mend its limit"
            yield Problem(f"no bad input misses {s.criterion!r}", f"{manifest.id}/{FILE.as_posix()}", do=do)


def _faults(check: CheckVerdicts, where: str) -> Iterator[Problem]:
    if check.id.startswith("bad"):
        if not any(c.verdict == "not_met" for c in check.criteria):
            found = "; ".join(f"{c.text}: {c.verdict} ({c.reason})" for c in check.criteria)
            do = "make what is wrong with the input plainer, or the criterion stricter"
            yield Problem("the bad input misses no default criterion", where, found, do)
        return
    for c in check.criteria:
        if c.verdict != "met":
            do = "mend the good input, or the limit of the criterion"
            yield Problem(f"the good input does not meet {c.text!r}", where, f"{c.verdict}: {c.reason}", do)
