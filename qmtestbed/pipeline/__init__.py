"""The whole way: plan → resolve → execute → evidence → judge → render. The only package that knows all six stages."""

from qmtestbed.pipeline.attest import attest
from qmtestbed.pipeline.ci import ci_comment, ci_summary, ci_verdict
from qmtestbed.pipeline.compare import Compared, compare
from qmtestbed.pipeline.declare import Declared, declare, declared_standing
from qmtestbed.pipeline.designing import DraftedDesign, check_design, draft_design
from qmtestbed.pipeline.doctor import diagnose
from qmtestbed.pipeline.drafting import Unnamed, draft_plan, write_new
from qmtestbed.pipeline.evaluate import Draft, Subject, draft, evaluate
from qmtestbed.pipeline.gate import Gate, GateOutcome, gate
from qmtestbed.pipeline.objects import subject_of
from qmtestbed.pipeline.options import Options, Outcome, Silent
from qmtestbed.pipeline.outlook import Outlook, outlook
from qmtestbed.pipeline.publish import PublishedSite, publish
from qmtestbed.pipeline.rejudge import judge_again, judge_against, judge_by, report
from qmtestbed.pipeline.run import resolve_only, run
from qmtestbed.pipeline.verify import verify
from qmtestbed.pipeline.vouch import Said, keygen, note, sign
from qmtestbed.pipeline.write_back import log
from qmtestbed.render import first_lines
from qmtestbed.tracking.history import history

__all__ = [
    "Compared",
    "Declared",
    "Draft",
    "DraftedDesign",
    "Gate",
    "GateOutcome",
    "Options",
    "Outcome",
    "Outlook",
    "PublishedSite",
    "Said",
    "Silent",
    "Subject",
    "Unnamed",
    "attest",
    "check_design",
    "ci_comment",
    "ci_summary",
    "ci_verdict",
    "compare",
    "declare",
    "declared_standing",
    "diagnose",
    "draft",
    "draft_design",
    "draft_plan",
    "evaluate",
    "first_lines",
    "gate",
    "history",
    "judge_again",
    "judge_against",
    "judge_by",
    "keygen",
    "log",
    "note",
    "outlook",
    "publish",
    "report",
    "resolve_only",
    "run",
    "sign",
    "subject_of",
    "verify",
    "write_new",
]
