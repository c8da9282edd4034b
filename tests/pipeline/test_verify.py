"""Verify: whatever is changed in a run folder after it was made is found and named."""

from __future__ import annotations

import json
import os
import random
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import qmtestbed
from qmtestbed.digests import sha256_of_file
from qmtestbed.errors import InputError, IntegrityError
from qmtestbed.evidence import RunFolder, signatures
from qmtestbed.evidence.contents import faults_of_files
from qmtestbed.pipeline.views import Maker
from qmtestbed.types.codec import canonical, pretty
from qmtestbed.types.evidence import Bundle, BundleEntry, Views
from qmtestbed.types.text import Language

Cli = Callable[..., subprocess.CompletedProcess[str]]


def faults(folder: Path) -> dict[str, str]:
    return {f.path: f.what for f in qmtestbed.verify(folder).faults}


def files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.relative_to(folder).parts[0] != "logs")


def rewrite_views(folder: Path, change: Callable[[Views], Views]) -> None:
    """Change the list of pages as one would who knows how it is made."""
    views = RunFolder(folder).listed_views()
    assert views is not None
    changed = change(views)
    (folder / "views.json").write_bytes(pretty(replace(changed, sha256=changed.digest)))


def test_a_run_that_nobody_touched_is_whole(finished: Path) -> None:
    found = qmtestbed.verify(finished)
    assert found.whole and not found.not_compared
    assert (found.views, found.remarks, found.signature) == (4, 2, "not signed")
    assert found.files == len(json.loads((finished / "bundle.json").read_bytes())["files"]) > 10


@pytest.fixture
def rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remember pages: what is rendered again from the same evidence and remarks is the same, and most of the time."""
    pieces, pages = Maker.pieces, {}

    def remembered(maker: Maker, template: str, language: Language, *, pdf: bool = False) -> list[bytes]:
        key = (template, language, pdf, maker.evidence.info.run, maker.remarks)
        if key not in pages:
            pages[key] = list(pieces(maker, template, language, pdf=pdf))
        return pages[key]

    monkeypatch.setattr(Maker, "pieces", remembered)


@pytest.mark.usefixtures("rendered_once")
def test_every_flipped_byte_is_found(finished: Path) -> None:
    """Without a signature: first, middle and last byte of every file, and some drawn at random."""
    draw, missed, tried = random.Random(7), [], 0
    assert {p.name for p in files(finished)} >= {
        "assessment.json", "attestation.json", "bundle.json", "junit.xml", "mlflow.json", "notes.jsonl", "plan.yaml",
        "plan.source.yaml", "report.html", "report.ja.html", "run.json", "summary.md", "views.json", "01-hazards.md",
    }  # fmt: skip
    for path in files(finished):
        content = path.read_bytes()
        last = len(content) - 1
        for place in sorted({0, last // 2, last, *(draw.randint(0, last) for _ in range(3))}):
            flipped = bytearray(content)
            flipped[place] ^= 1 << draw.randrange(8)
            path.write_bytes(flipped)
            tried += 1
            if qmtestbed.verify(finished).whole:
                missed.append((path.name, place))
        path.write_bytes(content)
    assert not missed
    assert tried > 80
    assert qmtestbed.verify(finished).whole


def test_files_that_no_list_has_the_digest_of_vouch_for_every_bit_of_their_own(finished: Path) -> None:
    """Among them the digest of a template, which could say that a page is by another version."""
    folder, draw = RunFolder(finished), random.Random(11)
    readers: dict[str, Callable[[], object]] = {
        "bundle.json": lambda: not list(faults_of_files(finished, folder.bundle(), pages)),
        "views.json": folder.listed_views,
        "notes.jsonl": folder.remarks,
        "mlflow.json": folder.logged,
    }
    pages = {v.path for v in folder.views()}
    for name, read in readers.items():
        path = finished / name
        content = path.read_bytes()
        assert read()
        for place in range(0, len(content), 1 if name != "bundle.json" else 17):
            flipped = bytearray(content)
            flipped[place] ^= 1 << draw.randrange(8)
            path.write_bytes(flipped)
            try:
                found = read()
                assert name == "bundle.json" and not found, (name, place)
            except IntegrityError:
                continue
        path.write_bytes(content)


@pytest.mark.usefixtures("rendered_once")
def test_every_file_that_is_taken_away_is_missed(finished: Path) -> None:
    may_be_absent = {"attestation.json"}
    for path in files(finished):
        content = path.read_bytes()
        path.unlink()
        assert qmtestbed.verify(finished).whole == (path.name in may_be_absent), path
        path.write_bytes(content)


def test_a_file_that_nobody_lists_is_an_error_but_not_in_logs(finished: Path) -> None:
    (finished / "logs").mkdir(exist_ok=True)
    (finished / "logs" / "more.txt").write_text("printed")
    assert not faults(finished)
    (finished / "declared" / "more.md").write_text("x")
    (finished / ".hidden").write_text("x")
    (finished / "records" / "more.json").write_text("{}")
    assert set(faults(finished)) == {"declared/more.md", ".hidden", "records/more.json"}


def test_links_and_pipes_are_refused(finished: Path, tmp_path: Path) -> None:
    """A link to the very same bytes is one still: what it leads to may change."""
    plan = finished / "plan.yaml"
    plan.rename(tmp_path / "elsewhere")
    plan.symlink_to(tmp_path / "elsewhere")
    (finished / "folder").symlink_to(tmp_path)
    os.mkfifo(finished / "pipe")
    found = qmtestbed.verify(finished).faults
    assert {f.path for f in found if "plain files" in f.what} == {"plan.yaml", "folder", "pipe"}


def test_logs_that_are_a_link_are_not_exempt(finished: Path, tmp_path: Path) -> None:
    if (finished / "logs").exists():
        (finished / "logs").rename(tmp_path / "logs")
    (finished / "logs").symlink_to(tmp_path)
    assert "link" in faults(finished)["logs"]


@pytest.mark.parametrize(
    "path", ["../plan.yaml", "/etc/hostname", "a/../plan.yaml", "./run.json", "views.json", "a\\b"]
)
def test_a_bundle_that_names_what_it_must_not_is_never_followed(finished: Path, path: str) -> None:
    listed = RunFolder(finished).bundle()
    entries = tuple(sorted((*listed.files, BundleEntry(path, 1, "0" * 64)), key=lambda e: e.path))
    (finished / "bundle.json").write_bytes(canonical(Bundle(listed.schema, entries)))
    assert "can't be evidence" in faults(finished)[path]
    with pytest.raises(IntegrityError):
        qmtestbed.report(finished)


@pytest.mark.parametrize("path", ["../report.html", "/tmp/report.html", "plan.yaml", "logs/report.html", "other.html"])
def test_a_page_outside_of_its_place_is_never_followed(finished: Path, path: str) -> None:
    rewrite_views(finished, lambda v: replace(v, views=(*v.views[1:], replace(v.views[0], path=path))))
    assert set(faults(finished)) & {"views.json", "other.html"}


def test_a_verdict_that_was_changed_is_found_by_judging_again(finished: Path) -> None:
    path = finished / "assessment.json"
    path.write_bytes(path.read_bytes().replace(b'"not_met"', b'"met"', 1))
    assert "judging the evidence again" in faults(finished)["assessment.json"]


def test_a_page_that_was_changed_together_with_the_list_is_found_by_rendering_again(finished: Path) -> None:
    page = finished / "report.html"
    page.write_text(page.read_text("utf-8").replace("not met", "met"), "utf-8")
    digest = signatures.fingerprint(page.read_bytes())
    rewrite_views(
        finished,
        lambda v: replace(v, views=tuple(replace(x, sha256=digest) if x.path == "report.html" else x for x in v.views)),
    )
    assert faults(finished) == {"report.html": "is not what rendering again gives"}


def test_a_page_by_another_version_of_its_template_is_not_compared_and_not_wrong(finished: Path) -> None:
    rewrite_views(finished, lambda v: replace(v, views=(replace(v.views[0], template_sha256="0" * 64), *v.views[1:])))
    found = qmtestbed.verify(finished)
    assert found.whole and [n.path for n in found.not_compared] == ["junit.xml"]
    assert "another version" in found.not_compared[0].why
    rewrite_views(finished, lambda v: replace(v, views=tuple(replace(x, template="other") for x in v.views)))
    found = qmtestbed.verify(finished)
    assert found.whole and len(found.not_compared) == 4
    (finished / "report.html").write_text("something else")  # its digest holds all the same
    assert faults(finished) == {"report.html": "is altered"}


def test_a_run_that_states_another_id_is_found_though_the_bundle_was_made_anew(finished: Path) -> None:
    folder = RunFolder(finished)
    info = folder.read().info
    for name in ("notes.jsonl", "attestation.json"):
        (finished / name).unlink()
    (finished / "views.json").unlink()
    folder.seal(replace(info, run="0" * 16), folder.read().records.keys())
    assert "id of the run" in faults(finished)["run.json"]


def test_deeply_nested_or_endless_json_is_a_fault_and_no_crash(finished: Path) -> None:
    for content in (b"[" * 200_000, b'{"schema": NaN}', b"\xff\xfe", b""):
        (finished / "views.json").write_bytes(content)
        (finished / "mlflow.json").write_bytes(content)
        assert set(faults(finished)) >= {"views.json", "mlflow.json"}
    (finished / "bundle.json").write_bytes(b"[" * 200_000)
    assert set(faults(finished)) == {"bundle.json"}


def test_odd_evidence_that_somebody_sealed_anew_is_a_fault_and_no_crash(finished: Path) -> None:
    """What comes from elsewhere can hold anything that is JSON, and a bundle that fits it."""
    odd = [None, "", -1, 1e308, True, [], {}, "\ud800", 10**30, float("inf"), "x" * 500]
    draw = random.Random(5)
    for path in [*finished.glob("records/*.json"), finished / "run.json", *finished.glob("resources/*.json")]:
        whole = path.read_bytes()
        for _ in range(4):
            path.write_text(json.dumps(_with_one(json.loads(whole), draw.choice(odd), draw)), "utf-8")
            listed = RunFolder(finished).bundle()
            entries = (
                replace(e, size=path.stat().st_size, sha256=sha256_of_file(path)) if finished / e.path == path else e
                for e in listed.files
            )
            (finished / "bundle.json").write_bytes(canonical(Bundle(listed.schema, tuple(entries))))
            assert not qmtestbed.verify(finished).whole
        path.write_bytes(whole)


def _with_one(value: Any, odd: object, draw: random.Random) -> Any:
    """Put something odd in the place of one value somewhere inside."""
    if isinstance(value, dict) and value:
        name = draw.choice(list(value))
        return {**value, name: _with_one(value[name], odd, draw)}
    if isinstance(value, list) and value:
        place = draw.randrange(len(value))
        return [*value[:place], _with_one(value[place], odd, draw), *value[place + 1 :]]
    return odd


def test_exit_codes_and_what_is_said(finished: Path, cli_here: Cli, tmp_path: Path) -> None:
    done = cli_here("verify", finished)
    assert done.returncode == 0 and "whole" in done.stdout and "not signed" in done.stdout
    (finished / "summary.md").write_text("x")
    (finished / "plan.yaml").unlink()
    done = cli_here("verify", finished)
    assert done.returncode == 5 and "Traceback" not in done.stdout + done.stderr
    assert "FAULT     plan.yaml: is missing" in done.stdout and "FAULT     summary.md: is altered" in done.stdout
    assert "Not compared: report.html" in done.stdout and "faults: 2" in done.stdout
    (tmp_path / "empty").mkdir()
    for nothing in ("empty", "nowhere", finished / "run.json"):
        assert cli_here("verify", tmp_path / nothing).returncode == 4


def test_a_zip_of_the_folder_or_of_its_content(finished: Path, tmp_path: Path) -> None:
    for name, root in (("of-folder.zip", finished.parent), ("of-content.zip", finished)):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in files(finished):
                archive.write(path, path.relative_to(root))
        assert qmtestbed.verify(tmp_path / name).whole
    with zipfile.ZipFile(tmp_path / "of-content.zip", "a") as archive:
        archive.writestr("stray.txt", "x")
    assert faults(tmp_path / "of-content.zip") == {"stray.txt": "is listed nowhere"}


def test_an_interrupted_run_is_no_run_yet(finished: Path) -> None:
    (finished / "bundle.json").unlink()
    assert "can't be read" in faults(finished)["bundle.json"]
    (finished / "run.json").unlink()
    with pytest.raises(InputError, match="no finished run"):
        qmtestbed.verify(finished)
