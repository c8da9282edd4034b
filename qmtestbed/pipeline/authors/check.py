"""``ait check``: the contract that every AIT has to keep, ours and those of others, rule by rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qmtestbed.catalogue import AitEntry, Catalogue
from qmtestbed.errors import ContentError, Problem, suggestion
from qmtestbed.execute import Launcher
from qmtestbed.pipeline.authors import rules
from qmtestbed.pipeline.authors.rules import BOTH, Rule
from qmtestbed.pipeline.authors.runs import Ran, run_rules
from qmtestbed.pipeline.options import Options
from qmtestbed.types.assessment import CheckVerdicts
from qmtestbed.types.text import Language

RULES = (
    *("manifest", "libraries", "function", "docs", "sources", "criteria"),
    *("example", "control", "output", "determinism", "bad input", "limits"),
)
"""Every rule, in the order in which they are told."""


@dataclass(frozen=True)
class Checked:
    """How an AIT stands to the contract, rule by rule.

    Attributes
    ----------
    entry
        The AIT.
    controls
        Its control pair, judged.
    findings
        Kinds of findings that example and control pair gave.
    """

    entry: AitEntry
    rules: tuple[Rule, ...]
    controls: tuple[CheckVerdicts, ...] = ()
    findings: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every rule holds."""
        return all(rule.holds for rule in self.rules)


def find_ait(target: str, options: Options) -> tuple[AitEntry, Catalogue]:
    """Find an AIT by its id, or by the path of its folder; give it with a catalogue that holds it.

    Raises
    ------
    ContentError
        There is none.
    """
    catalogue = options.catalogue()
    folder = Path(target).resolve()
    if not (folder / "ait.yaml").is_file():
        if target in catalogue.aits:
            return catalogue.aits[target], catalogue
        do = suggestion(target, catalogue.aits) + " (or give a folder that holds an ait.yaml)"
        raise ContentError(Problem(f"unknown AIT {target!r}", do=do))
    if all(entry.folder.resolve() != folder for entry in catalogue.aits.values()):
        catalogue = replace(options, aits=(*options.aits, folder.parent)).catalogue()
    # Where two folders claim one id, the entry that says so has the folder of the first.
    found = [e for e in catalogue.aits.values() if e.folder.resolve() == folder] or [catalogue.aits[folder.name]]
    return found[0], catalogue


def check_ait(
    target: str, options: Options, languages: Sequence[Language] = BOTH, launcher: Launcher | None = None
) -> Checked:
    """Check an AIT against every rule.

    Parameters
    ----------
    target
        Its id, or the path of its folder.
    options
        Where else AITs and guidelines are, and how children are contained.
    languages
        Those in which its texts have to be there.
    launcher
        One that is warm already.

    Raises
    ------
    ContentError
        There is no such AIT.
    """
    entry, catalogue = find_ait(target, options)
    found, ran = [rules.manifest_rule(entry)], Ran(())
    if entry.manifest is not None:
        found += [rules.libraries_rule(entry), *rules.static_rules(entry, entry.manifest, catalogue, languages)]
        if not entry.missing:
            ran = run_rules(entry, entry.manifest, catalogue, options, launcher)
    told = {rule.name: rule for rule in (*found, *ran.rules)}
    ordered = tuple(told.get(name, Rule(name, checked=False)) for name in RULES)
    return Checked(entry, ordered, ran.controls, ran.findings)
