"""How long a run takes as PDF: ``python benchmarks/pdf.py RUN_DIR [TIMES]``; its checks are repeated TIMES times."""

from __future__ import annotations

import dataclasses
import io
import sys
import time
from pathlib import Path

from pypdf import PdfReader

from qmtestbed.catalogue import Catalogue
from qmtestbed.evidence import RunFolder
from qmtestbed.judging import judge
from qmtestbed.render import page, pdf


def main(run: Path, times: int) -> None:
    """Print pages and seconds of each template; processor time, as the machine is shared, and wall time."""
    evidence = RunFolder(run).read()
    assessment = judge(evidence)
    checks = tuple(
        dataclasses.replace(c, id=f"{c.id} {i}" if i else c.id) for i in range(times) for c in assessment.checks
    )
    long = dataclasses.replace(assessment, checks=checks)
    pdf("<p>first</p>", long)
    print(f"{len(checks)} checks")
    for name in ("quality", "summary", "model_card", "audit"):
        text = page(evidence, long, Catalogue().report(name).folder)
        processor, wall = time.process_time(), time.perf_counter()
        made = pdf(text, long)
        processor, wall = time.process_time() - processor, time.perf_counter() - wall
        pages = len(PdfReader(io.BytesIO(made)).pages)
        print(f"{name:<12} {len(made):>9,} bytes  {pages:>4} pages  {processor:5.2f} s ({wall:5.2f} s wall)", end="")
        print(f"  {30 * processor / pages:5.2f} s for 30 pages")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
