"""The stage: a run, read back, in; its assessment out."""

from __future__ import annotations

from dataclasses import replace

from qmtestbed.judging.checks import judge_checks
from qmtestbed.judging.comparing import since_last
from qmtestbed.judging.findings import judge_findings
from qmtestbed.judging.headlines import headlines
from qmtestbed.judging.levels import judge_levels
from qmtestbed.judging.requirements import judge_requirements
from qmtestbed.judging.targets import spellings, targets
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.evidence import Evidence


def judge(evidence: Evidence) -> Assessment:
    """Judge a run.

    Parameters
    ----------
    evidence
        Plan, records, manifests, guidelines and declarations as found on the day of the run; the snapshot of an earlier
        run, if it holds one, decides nothing, and is told apart from the verdicts.

    Returns
    -------
    Assessment
        A function of the evidence alone: the same evidence gives the same bytes. Checks stand in the order of the plan,
        requirements in that of the guidelines. Whatever can't be judged is undetermined; nothing is raised.
    """
    asked = targets(evidence)
    spelled = spellings(asked)
    checks = judge_checks(evidence, asked, spelled)
    requirements = judge_requirements(evidence, asked, checks, spelled)
    levels = judge_levels(asked, requirements)
    assessment = Assessment(
        schema="qmtestbed/assessment/v1",
        as_of=evidence.info.as_of,
        run=evidence.info.run,
        component=evidence.plan.component.name,
        guidelines=evidence.plan.guidelines,
        headlines=headlines(evidence, asked, checks, requirements, levels),
        checks=checks,
        requirements=requirements,
        levels=levels,
        findings=judge_findings(evidence, checks),
        left_out=evidence.info.left_out,
        reported=tuple(c.id for c in checks if c.verdict == "reported"),
    )
    return replace(assessment, since=since_last(evidence, assessment))
