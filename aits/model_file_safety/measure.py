"""Whether loading a model would run code that is known from attacks; nothing of it is loaded."""

from __future__ import annotations

from typing import Any

from qmtestbed.ait import DataTable, Finding, ModelFile, ModelFiles, Subject

MOST_NAMED = 5


def measure(model: ModelFiles) -> dict[str, Any]:
    """Count what a scan found in the files of a model.

    Parameters
    ----------
    model
        Its files, each with what loading does with it and what was found.

    Returns
    -------
    dict
        Counts over all files, from 0; a table with a line for each file.
    """
    unread = [f for f in model.files if f.unread]
    return {
        "dangerous_count": sum(len(f.dangerous) for f in model.files),
        "unscannable_count": sum(f.loading != "beside" for f in unread),
        "untrusted_type_count": sum(len(f.untrusted) for f in model.files),
        "unscannable_beside_count": sum(f.loading == "beside" for f in unread),
        "files_that_run_code": sum(f.loading in ("unpickled", "code") for f in model.files),
        "code_of_its_own": len(model.code),
        "files": DataTable(list(_TITLES), [_line(f) for f in model.files]),
        "findings": [finding for f in model.files for finding in _findings(f)],
    }


_TITLES = ("file", "form", "bytes", "on loading", "found", "looked through by")
_ON_LOADING = {
    "unpickled": "unpickled: runs code",
    "beside": "left to other code",
    "code": "is code, and runs",
    "checked": "unpacked, types checked",
    "read": "runs no code",
}


def _line(f: ModelFile) -> list[str | int]:
    found = [*f.dangerous, *(f"type {name}" for name in f.untrusted), *([f"not read: {f.unread}"] if f.unread else [])]
    nothing = "nothing" if f.scanner else ""
    return [f.path, f.form, f.size, _ON_LOADING[f.loading], ", ".join(found) or nothing, f.scanner]


def _findings(f: ModelFile) -> list[Finding]:
    subject, found = Subject(file=f.path), []
    if f.dangerous:
        text = f"{f.path} names {_some(f.dangerous)}, known from attacks ({f.scanner})."
        found.append(Finding("unsafe_file", subject, "dangerous_count", len(f.dangerous), text))
    if f.untrusted:
        text = f"{f.path} names types that are not trusted: {_some(f.untrusted)} ({f.scanner})."
        found.append(Finding("unsafe_file", subject, "untrusted_type_count", len(f.untrusted), text))
    if f.unread:
        measure = "unscannable_beside_count" if f.loading == "beside" else "unscannable_count"
        text = f"{f.path} could not be looked through: {f.unread} ({f.scanner})."
        found.append(Finding("unsafe_file", subject, measure, 1, text))
    return found


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
