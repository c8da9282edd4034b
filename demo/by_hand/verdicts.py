"""By hand: what the page says beside the numbers themselves, made from these numbers and from the plan."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from hand_check import (
    SEPARATOR,
    Hand,
    HandText,
    HandVerdict,
    Key,
    Line,
    concluded,
    first_screen,
    judged,
    page,
    sample_sizes,
)

from by_hand.base import Run

SIGNS = {"met": "✓", "not met": "✗", "undetermined": "?", "reported": "–"}
FORM = re.compile(r"(\w+)(?:\[(.+)\])?\s*(>=|<=)\s*([\d.]+)(?:\s+at\s+(\d+)%)?")
INSIDE = "The whole interval meets the limit."
OUTSIDE = "The whole interval misses the limit: more data of this kind would hardly change that."
ACROSS = (
    "Judged by the value alone; the interval reaches across the limit, so the verdict is not shown at that confidence."
)
POINT = "A single number without an interval: how much another sample would change it is not known."


def texts(run: Run, made: Mapping[Key, Any]) -> dict[Key, HandText | HandVerdict]:
    """Verdicts, counts, headlines, requirements, levels and inputs, as the page says them."""
    verdicts = judged(run.plan, made)
    found = {**verdicts, **sample_sizes(run.plan, made), **_items(run), **_counts(run, verdicts), **_inputs(run)}
    found |= first_screen(run.plan, verdicts)
    return found | (concluded(run.folder, verdicts) if run.plan.get("levels") else {})


def _manifest(run: Run, check: str) -> dict[str, Any]:
    file = run.folder / "manifests" / f"{run.plan['checks'][check]['ait']}.yaml"
    return dict(yaml.safe_load(file.read_text("utf-8")))


def _items(run: Run) -> dict[Key, HandText]:
    rows, found = len(run.truth), {}
    for check in run.plan["checks"]:
        manifest = _manifest(run, check)
        if {i["kind"] for i in manifest["inputs"].values()} == {"model_files"}:
            text, how = f"{len(run.files)} of {len(run.files)} items measured", "files of the model"
        else:
            most = manifest.get("limits", {}).get("rows") or rows
            text, how = (
                f"{min(rows, most):,} of {rows:,} items measured",
                "rows of the file; limits.rows of the manifest",
            )
        found[check, "items"] = HandText(text, how)
    return found


def _counts(run: Run, verdicts: Mapping[Key, HandVerdict]) -> dict[Key, HandText]:
    """The verdict of the run, the first headline, how many misses by chance are to be expected, and each check."""
    every = [v.verdict for v in verdicts.values()]
    n, met, missed, unknown = len(every), *(every.count(v) for v in ("met", "not met", "undetermined"))
    head = (
        f"Criteria {met} of {n} met ✓ met: {met} met ✗ not met: {missed} not met ? undetermined: {unknown} undetermined"
    )
    found = {("", "headline: criteria"): HandText(head, "counted")}
    rates = [_rate(run, *key) for key, v in verdicts.items() if v.verdict != "undetermined"]
    known = [r for r in rates if r is not None]
    found["", "headline: judged"] = HandText(f"{n} criteria judged", "counted")
    if known:
        text = f"For {len(known)} of the {n} criteria it is known how often: together, "
        text += f"{float(f'{sum(known):.2g}'):g} such misses are to be expected in a run."
        found["", "misses by chance"] = HandText(text, "sum of the rates in the manifests")
    whole = "not met" if missed else "undetermined" if unknown or not n else "met"
    rule = "Verdict of the run: every criterion that is judged must be met (--require criteria)"
    text = f"Verdict of the run: {SIGNS[whole]} {whole}"
    found["", "verdict of the run"] = HandText(text, "the worst of all criteria")
    found["", "rule of the verdict"] = HandText(rule, "as documented")
    for check in run.plan["checks"]:
        own = {v.verdict for (of, _), v in verdicts.items() if of == check}
        verdict = next((v for v in ("not met", "undetermined", "met") if v in own), "reported")
        found["", f"verdict of {check}"] = HandText(f"{SIGNS[verdict]} {verdict}: {check}", "the worst of its criteria")
    return found


def _rate(run: Run, check: str, name: str) -> float | None:
    text = name.removeprefix("criterion ").split()
    return next(
        (s.get("rate") for s in _manifest(run, check).get("suggests", []) if s["criterion"].split() == text), None
    )


def _inputs(run: Run) -> dict[Key, HandText]:
    found: dict[Key, HandText] = {}
    for name in ("train", "test"):
        if name in run.plan["inventories"]:
            given, size = run.plan["inventories"][name], f"{len(run.truth):,} rows"
            if not run.is_images:
                x = run.table(name)[0]
                size = f"{len(x):,} rows × {x.shape[1] + 1} columns"
            digest = hashlib.sha256((run.folder / given["uri"]).read_bytes()).hexdigest()
            text = f"{size} · {digest[:12]}"  # the path before them is cut where it is long
            found["", f"input {name}"] = HandText(text, "pandas, numpy; hashlib")
    return found


# -- criteria tables ------------------------------------------------------------------------------------------


def cells(run: Run, made: Mapping[Key, Any]) -> Iterator[Line]:
    """Compare what the criteria tables say beside the numbers: which key decides, the limit, how sure it is."""
    for (check, name), v in judged(run.plan, made).items():
        text = name.removeprefix("criterion ")
        row = page(run.folder).criteria[check, text]
        form = FORM.fullmatch(text)
        assert form, f"a criterion of another form: {text}"
        measure, key, sign, limit, level = form.groups()
        keys = sorted(
            of.removeprefix(measure)[1:-1]
            for (c, of), hand in made.items()
            if c == check and (of == measure or of.startswith(f"{measure}[")) and _same(hand, v.number)
        )
        of_all = sum(c == check and of.startswith(f"{measure}[") for c, of in made)
        decides = key or (f"{keys[0]}, which decides among {of_all}" if of_all > 1 else "".join(keys) if of_all else "")
        side = 1 if sign == ">=" else -1
        wanted = [decides, f"{'≥' if side > 0 else '≤'} {float(limit):g}", _sure(v, side, float(limit), sign, level)]
        found = row[2].partition(SEPARATOR)[2].strip()
        shown = [re.sub(r"^n = [\d,]+( · )?", "", found), row[3].strip(" " + SEPARATOR), row[4].replace(SEPARATOR, " ")]
        shown = [" ".join(cell.split()) for cell in shown]
        fine = shown == wanted
        yield Line(check, f"criteria table: {text}", "; ".join(shown), "; ".join(wanted), "by the rules", fine)


def _same(a: Any, b: Hand) -> bool:
    pairs = ((a.value, b.value), (a.low, b.low), (a.high, b.high)) if isinstance(a, Hand) else ((None, 0.0),)
    return all(x is y or (x is not None and y is not None and abs(x - y) < 1e-12) for x, y in pairs)


def _sure(v: HandVerdict, side: int, limit: float, sign: str, level: str | None) -> str:
    """The sentence on how far the interval bears the verdict out, and the reason where the criterion is not met."""
    e = v.number
    if e.low is None or e.high is None:
        said = POINT
    else:
        room = sorted((side * (e.low - limit), side * (e.high - limit)))
        said = INSIDE if room[0] >= 0 else OUTSIDE if room[1] < 0 else ACROSS
    if v.verdict != "met":
        at = f" at {level} %" if level else ""
        between = f" ({e.low:.4g} to {e.high:.4g}{at}, n = {e.n})" if level else ""
        said += f" found {e.value:.4g}{between}, limit {sign} {limit:g}{at}"
    return said
