"""``publish``: finished runs into a static site, whose pages are made from what it keeps of each run alone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qmtestbed.catalogue import Catalogue
from qmtestbed.errors import InputError, IntegrityError, Problem
from qmtestbed.evidence import RunFolder, files
from qmtestbed.judging import judge, run_verdict
from qmtestbed.pipeline.options import Options
from qmtestbed.render import (
    badge_json,
    badge_svg,
    folder_name,
    history_view,
    index_view,
    order,
    published,
    run_folder,
    site_page,
)
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.codec import DecodeError, canonical, decode, pretty
from qmtestbed.types.evidence import Evidence
from qmtestbed.types.published import Published, PublishedPage, Site, SiteRun

BRIEF = "published.json"
LARGEST = 64 * 2**20
"""Bytes that a page may have."""

_PAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")


@dataclass(frozen=True)
class PublishedSite:
    """A site after publishing: the runs that were asked for, and the files whose content is another one now."""

    folder: Path
    runs: tuple[Published, ...]
    written: tuple[Path, ...]


def publish(run_folders: Sequence[Path], site: Path, options: Options) -> PublishedSite:
    """Put finished runs into a site; nothing is written unless all of them can be.

    Files are written only where their content changes, whole or not at all, the lists last. A run that is there
    already (the same id: same plan, evidence and day) takes the place of itself.

    Raises
    ------
    InputError
        A folder holds no finished run or no pages, or the site's folder holds something else.
    IntegrityError
        Evidence of a run was altered, a page is no plain file beside it, or the site was damaged.
    """
    read = _read_all(run_folders, options)
    _is_ours(site)
    site.mkdir(parents=True, exist_ok=True)
    with _alone(site):
        writer = _Writer(site)
        for brief, pages in read:
            _put_run(writer, brief, pages)
        _put_lists(writer, components(site), options)
    return PublishedSite(site, tuple(brief for brief, _ in read), tuple(writer.written))


def brief_of(run: Path, options: Options) -> tuple[Published, Evidence, Assessment]:
    """Read a finished run, judged again from its evidence, and give it in brief."""
    evidence = RunFolder(run).read()
    assessment = judge(evidence)
    verdict = run_verdict(assessment, options.require)
    return published(evidence, assessment, verdict, options.require), evidence, assessment


def components(site: Path) -> dict[str, list[Published]]:
    """Give every run that a site keeps, by component, oldest first.

    Raises
    ------
    IntegrityError
        What the site keeps of a run can't be read.
    """
    found: dict[str, list[Published]] = {}
    for path in sorted(site.glob(f"runs/*/*/{BRIEF}")):
        try:
            brief = decode(Published, json.loads(path.read_bytes()))
        except (DecodeError, ValueError) as error:
            do = "restore the file, or remove its folder and publish the run again"
            raise IntegrityError(Problem("can't be read", str(path), str(error)[:200], do)) from None
        found.setdefault(brief.component, []).append(brief)
    return {name: sorted(found[name], key=order) for name in sorted(found)}


# -- reading --------------------------------------------------------------------------------------------------


def _read_all(run_folders: Sequence[Path], options: Options) -> list[tuple[Published, Mapping[str, bytes]]]:
    read: list[tuple[Published, Mapping[str, bytes]]] = []
    problems: list[Problem] = []
    for path in run_folders:
        try:
            read.append(_read(path, options))
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(*problems)
    return read


def _read(path: Path, options: Options) -> tuple[Published, Mapping[str, bytes]]:
    brief, _, _ = brief_of(path, options)
    views = RunFolder(path).views()
    if not views:
        raise InputError(Problem("this run has no pages", str(path), do=f"make them: qmtestbed report {path}"))
    pages = {v.path: _page(path, v.path) for v in views}
    listed = tuple(PublishedPage(v.path, v.template, v.language) for v in views)
    return replace(brief, pages=listed), pages


def _page(folder: Path, name: str) -> bytes:
    """Read a page; ``views.json`` is no evidence, so it may name only plain files of the run folder."""
    path = folder / name
    if not _PAGE.fullmatch(name) or name == BRIEF:
        raise IntegrityError(Problem("not the name of a page", str(folder / "views.json"), repr(name[:100])))
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
            raise IntegrityError(Problem("a page must be a plain file of at most 64 MiB", str(path)))
        return path.read_bytes()
    except FileNotFoundError:
        do = f"make it again: qmtestbed report {folder}"
        raise InputError(Problem("a page of this run is missing", str(path), do=do)) from None


def _is_ours(site: Path) -> None:
    """Refuse a folder whose first page is not ours: it would be written over."""
    if site.exists() and not site.is_dir():
        raise InputError(Problem("the site must be a folder", str(site), do="give another --site"))
    if (site / "index.html").exists() and not (site / "site.json").is_file():
        do = "give a folder of its own, such as --site public/quality"
        raise InputError(Problem("this folder has a page that is not ours", str(site / "index.html"), do=do))


# -- writing --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _alone(site: Path) -> Iterator[None]:
    """Wait until nobody else publishes into the site; a lock on the folder itself leaves no file behind."""
    import fcntl

    descriptor = os.open(site, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class _Writer:
    """Writes files of a site where their content changes, and remembers which."""

    def __init__(self, site: Path) -> None:
        self.site = site
        self.written: list[Path] = []

    def put(self, name: str, content: bytes) -> None:
        """Write one file."""
        path = self.site / name
        if path.is_file() and path.read_bytes() == content:
            return
        files.write(path, content)
        self.written.append(path)


def _put_run(writer: _Writer, brief: Published, pages: Mapping[str, bytes]) -> None:
    """Write the pages of a run, then what is kept of it, and remove pages that it has no more."""
    folder = run_folder(brief)
    for name, content in pages.items():
        writer.put(f"{folder}/{name}", content)
    writer.put(f"{folder}/{BRIEF}", pretty(brief))
    for stray in (writer.site / folder).iterdir():
        if stray.name not in pages and stray.name != BRIEF:
            stray.unlink()


def _put_lists(writer: _Writer, runs: Mapping[str, Sequence[Published]], options: Options) -> None:
    catalogue = options.catalogue()
    for of_one in runs.values():
        _put_component(writer, of_one, catalogue, options)
    writer.put(
        "index.html", site_page(index_view(runs, options.language), catalogue.report("site").folder, "index.html.j2")
    )
    listed = (
        SiteRun(r.component, r.as_of, r.run, r.verdict, run_folder(r)) for of_one in runs.values() for r in of_one
    )
    writer.put("site.json", pretty(Site("qmtestbed/site/v1", tuple(listed))))


def _put_component(writer: _Writer, runs: Sequence[Published], catalogue: Catalogue, options: Options) -> None:
    folder, latest, language = folder_name(runs[-1].component), runs[-1], options.language
    page = site_page(history_view(runs, language), catalogue.report("site").folder, "component.html.j2")
    writer.put(f"{folder}/badge.svg", badge_svg(latest, language).encode())
    writer.put(f"{folder}/badge.json", canonical(badge_json(latest, language)))
    writer.put(f"{folder}/index.html", page)
