"""The whole way: plan → resolve → execute → evidence → judge → render. The only package that knows all six stages."""

from qmtestbed.pipeline.attest import attest
from qmtestbed.pipeline.ci import ci_comment, ci_summary, ci_verdict
from qmtestbed.pipeline.compare import Compared, compare
from qmtestbed.pipeline.doctor import diagnose
from qmtestbed.pipeline.evaluate import Draft, Subject, draft, evaluate
from qmtestbed.pipeline.gate import Gate, GateOutcome, gate
from qmtestbed.pipeline.options import Options, Outcome, Silent
from qmtestbed.pipeline.publish import PublishedSite, publish
from qmtestbed.pipeline.rejudge import judge_again, judge_against, judge_by, report
from qmtestbed.pipeline.run import resolve_only, run
from qmtestbed.pipeline.verify import verify
from qmtestbed.pipeline.vouch import Said, keygen, note, sign
from qmtestbed.pipeline.write_back import log
from qmtestbed.tracking.history import history

__all__ = [
    "Compared",
    "Draft",
    "Gate",
    "GateOutcome",
    "Options",
    "Outcome",
    "PublishedSite",
    "Said",
    "Silent",
    "Subject",
    "attest",
    "ci_comment",
    "ci_summary",
    "ci_verdict",
    "compare",
    "diagnose",
    "draft",
    "evaluate",
    "gate",
    "history",
    "judge_again",
    "judge_against",
    "judge_by",
    "keygen",
    "log",
    "note",
    "publish",
    "report",
    "resolve_only",
    "run",
    "sign",
    "verify",
]
