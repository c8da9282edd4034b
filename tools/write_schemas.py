"""Write qmtestbed/schemas/*.json from the types, and docs/schemas/*.json: the same, of what people write, for editors.

A test fails when they are not up to date.
"""

from __future__ import annotations

import json
from pathlib import Path

from qmtestbed.types.assessment import Assessment
from qmtestbed.types.codec import json_schema
from qmtestbed.types.comparison import Comparison, Snapshot
from qmtestbed.types.design import DesignFile
from qmtestbed.types.evidence import Bundle, Remark, RunInfo, Signature, Views
from qmtestbed.types.guideline import Guideline
from qmtestbed.types.job import Job
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.plan import Plan
from qmtestbed.types.published import Published, Site
from qmtestbed.types.record import Outcome, Record
from qmtestbed.types.report import ReportTemplate

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "qmtestbed" / "schemas"
FOR_EDITORS = ROOT / "docs" / "schemas"
WRITTEN_BY_PEOPLE = ("plan", "ait", "guideline", "report", "design")
BOUNDARIES: dict[str, type] = {
    "plan": Plan,
    "ait": Manifest,
    "guideline": Guideline,
    "job": Job,
    "outcome": Outcome,
    "record": Record,
    "run": RunInfo,
    "bundle": Bundle,
    "assessment": Assessment,
    "views": Views,
    "published": Published,
    "site": Site,
    "since": Snapshot,
    "comparison": Comparison,
    "remark": Remark,
    "signature": Signature,
    "report": ReportTemplate,
    "design": DesignFile,
}


def schemas() -> dict[str, str]:
    """Build every schema as the text of its file, by name."""
    return {
        name: json.dumps(json_schema(cls, f"qmtestbed/{name}/v1"), indent=1, ensure_ascii=False) + "\n"
        for name, cls in BOUNDARIES.items()
    }


if __name__ == "__main__":
    for name, text in schemas().items():
        for folder in (FOLDER, FOR_EDITORS) if name in WRITTEN_BY_PEOPLE else (FOLDER,):
            folder.mkdir(exist_ok=True)
            (folder / f"{name}.v1.json").write_text(text, "utf-8")
