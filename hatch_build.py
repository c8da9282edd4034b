"""Build hook: puts the shipped content into the wheel, as ``qmtestbed/_content/<kind>/...``.

Only into a standard wheel. An editable install finds the content in the checkout; a copy would go stale there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pathspec
from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

KINDS = ("aits", "guidelines", "reports", "demo")
NEVER = ("test_*.py", "conftest.py", "/demo/by_hand/", "/demo/check_by_hand.py", "__pycache__/", "*.pyc", ".*")
"""Left out whatever ``.gitignore`` says: tests and checks stay with the source, caches and hidden files nowhere."""


class ContentHook(BuildHookInterface[BuilderConfig]):
    """Adds the content folders to a standard wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name each content file and its place in the wheel."""
        if version == "editable":
            return
        root = Path(self.root)
        for file in content_files(root):
            build_data["force_include"][str(file)] = f"qmtestbed/_content/{file.relative_to(root).as_posix()}"


def content_files(root: Path) -> Iterator[Path]:
    """Give the files of the content folders that are neither tests nor git-ignored."""
    ignored = (root / ".gitignore").read_text(encoding="utf-8").splitlines()
    left_out = pathspec.GitIgnoreSpec.from_lines([*ignored, *NEVER])
    for kind in KINDS:
        for path in sorted((root / kind).rglob("*")):
            if path.is_file() and not left_out.match_file(path.relative_to(root).as_posix()):
                yield path
