"""What ``qmtestbed evaluate`` finds in tables with one planted problem, and how often it cries wolf over clean ones.

usage: python benchmarks/planted.py [--clean-seeds 5] [--seeds 22] [--problem NAME] [--results FILE]

Every table of ``tables.py`` is written to disk, a model is trained and saved, and the whole suite runs without a plan
as a user runs it (``label`` and training data given, nothing from the store). Results are appended to a file of JSON
lines, and what is there already is not run again, so a long run may be stopped and gone on with. Prints a table of
counts with exact (Clopper-Pearson) 95 % intervals.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import tables

from qmtestbed import pipeline
from qmtestbed.ait import Estimate, Roles
from qmtestbed.measuring.intervals import clopper_pearson

Result = Mapping[str, Any]


def main() -> None:
    """Run what is missing, then print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clean-seeds", type=int, default=5, help="clean tables of each kind")
    parser.add_argument("--seeds", type=int, default=22, help="tables of each problem")
    parser.add_argument("--problem", action="append", choices=(*tables.PROBLEMS, "clean"), help="only this one")
    parser.add_argument("--results", type=Path, default=Path("planted.jsonl"))
    options = parser.parse_args()
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    done = read(options.results)
    with options.results.open("a", encoding="utf-8") as stream:
        for problem, kind, seed in wanted(options):
            if not any((r["problem"], r["kind"], r["seed"]) == (problem, kind, seed) for r in done):
                result = evaluate(problem, kind, seed)
                stream.write(json.dumps(result, ensure_ascii=False) + "\n")
                stream.flush()
                done.append(result)
                print(
                    f"{problem} {kind} {seed}: {result['seconds']:.1f} s, {len(result['findings'])} findings",
                    flush=True,
                )
    report(done)


def wanted(options: argparse.Namespace) -> Iterable[tuple[str, str, int]]:
    """Name the tables: clean ones of every kind, and each problem in the kinds where it can be seen, in turn."""
    for problem in options.problem or ("clean", *tables.PROBLEMS):
        if problem == "clean":
            yield from (("clean", kind, seed) for seed in range(options.clean_seeds) for kind in tables.CLEAN)
        else:
            kinds = [k for k in tables.CLEAN if tables.fits(problem, k)]
            yield from ((problem, kinds[seed % len(kinds)], seed) for seed in range(options.seeds))


def read(path: Path) -> list[Result]:
    """Read the results that are there already."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []


def evaluate(problem: str, kind: str, seed: int) -> Result:
    """Make a table, train a model, run the suite, and keep what it found."""
    import mlflow.sklearn

    split = tables.clean(kind, seed) if problem == "clean" else tables.planted(problem, kind, seed)
    folder = Path(tempfile.mkdtemp(prefix="qmt-planted-"))
    try:
        split.train.to_parquet(folder / "train.parquet")
        split.test.to_parquet(folder / "test.parquet")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x = split.train.drop(columns="y")
            fitted = tables.model_for(split)
            signature = mlflow.models.infer_signature(x[:50], fitted.predict(x[:50]))
            mlflow.sklearn.save_model(
                fitted, folder / "model", signature=signature, pip_requirements=["scikit-learn"],
                serialization_format="cloudpickle",
            )  # fmt: skip
        subject = pipeline.Subject(
            str(folder / "model"), str(folder / "test.parquet"), Roles(label="y", task=split.task),
            train=str(folder / "train.parquet"),
        )  # fmt: skip
        begin = monotonic()
        outcome = pipeline.evaluate(subject, pipeline.Options(out=folder / "out", cache=False))
        return summary(outcome, problem, kind, seed, split.truth, monotonic() - begin)
    finally:
        shutil.rmtree(folder)


def summary(
    outcome: pipeline.Outcome, problem: str, kind: str, seed: int, truth: Mapping[str, Any], seconds: float
) -> Result:
    """Put what counts of an outcome into plain values."""
    findings = []
    for f in outcome.assessment.findings:
        subject = {k: v for k, v in vars_of(f.subject).items() if v is not None}
        findings.append({"kind": f.kind, "check": f.check, "subject": subject, "hit": is_hit(f.kind, subject, truth)})
    criteria = [(c.id, x) for c in outcome.assessment.checks for x in c.criteria]
    return {
        "problem": problem,
        "kind": kind,
        "seed": seed,
        "seconds": round(seconds, 2),
        "judged": len(criteria),
        "findings": findings,
        "missed": [f"{id}: {x.text} = {x.value} [{x.key}]" for id, x in criteria if x.verdict == "not_met"],
        "undetermined": [f"{id}: {x.text}: {x.reason[:120]}" for id, x in criteria if x.verdict == "undetermined"],
        "truth": {k: v for k, v in truth.items() if k != "rows"},
    }


def vars_of(subject: Any) -> dict[str, Any]:
    """Fields of a subject; long lists of rows are kept."""
    return {name: getattr(subject, name) for name in ("column", "slice", "class_", "pair", "rows")}


def is_hit(kind: str, subject: Mapping[str, Any], truth: Mapping[str, Any]) -> bool:
    """Whether a finding names the planted problem: its kind, and its column, slice or rows (most of them right)."""
    asked = truth.get("kind", ())
    if kind not in ((asked,) if isinstance(asked, str) else asked):
        return False
    if "column" in truth:
        return subject.get("column") == truth["column"]
    if "slice" in truth:
        return truth["slice"] in str(subject.get("slice", ""))
    named = set(subject.get("rows") or ())
    return bool(named) and 2 * len(named & set(truth["rows"])) > len(named)


def report(results: Sequence[Result]) -> None:
    """Print detection by problem, and false findings on clean tables."""
    print("\nplanted problem    found          exact 95 % interval   other findings per table")
    for problem in tables.PROBLEMS:
        of = [r for r in results if r["problem"] == problem]
        if of:
            hits = sum(any(f["hit"] for f in r["findings"]) for r in of)
            others = sum(not f["hit"] for r in of for f in r["findings"]) / len(of)
            print(f"{problem:18s} {share(hits, len(of))}   {others:.2f}")
    clean = [r for r in results if r["problem"] == "clean"]
    if not clean:
        return
    counts = Counter(len(r["findings"]) for r in clean)
    print(f"\nclean tables: {len(clean)}; findings per table: {dict(sorted(counts.items()))}")
    print(f"at most two findings: {share(sum(len(r['findings']) <= 2 for r in clean), len(clean))}")
    print(f"no finding:           {share(sum(not r['findings'] for r in clean), len(clean))}")
    print(f"no criterion missed:  {share(sum(not r['missed'] for r in clean), len(clean))}")
    print(f"criteria judged per table: {sum(r['judged'] for r in clean) / len(clean):.1f}")
    missed = Counter(m.split(" = ")[0] for r in clean for m in r["missed"])
    undetermined = Counter(":".join(m.split(":")[:2]) for r in clean for m in r["undetermined"])
    for name, what in (("missed", missed), ("undetermined", undetermined)):
        for text, n in what.most_common():
            print(f"  {name} {n:3d} of {len(clean)}: {text}")
    print(f"median seconds: {sorted(r['seconds'] for r in results)[len(results) // 2]}")


def share(k: int, n: int) -> str:
    """Write a count with its exact interval."""
    e = clopper_pearson(k, n, 0.95)
    interval = f"[{e.low:.3f}, {e.high:.3f}]" if isinstance(e, Estimate) else ""
    return f"{k:3d} of {n:3d}     {interval:20s}"


if __name__ == "__main__":
    main()
