"""Where the content that ships with the package lies; asked by whoever reads it."""

from __future__ import annotations

from pathlib import Path


def content_root() -> Path:
    """Folder that holds the shipped ``aits``, ``guidelines``, ``reports`` and ``demo``."""
    package = Path(__file__).parent
    shipped = package / "_content"
    return shipped if shipped.is_dir() else package.parent


def shared_parts() -> Path:
    """Folder of the parts that every report template may include: macros, sections, style."""
    return content_root() / "reports" / "_shared"
