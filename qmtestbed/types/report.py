"""A report template: a folder with Jinja2 files and this description (``qmtestbed/report/v1``; ``template.yaml``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from qmtestbed.types.codec import Shape
from qmtestbed.types.text import Text


@dataclass(frozen=True)
class ReportTemplate:
    """What a folder says of the page it makes.

    ``id`` is the folder's name and names the page (``<id>.html``); ``entry`` is the file that is rendered.
    """

    schema: Literal["qmtestbed/report/v1"]
    id: Annotated[str, Shape(pattern=r"[a-z][a-z0-9_-]*")]
    title: Text
    entry: Annotated[str, Shape(pattern=r"[A-Za-z0-9_][A-Za-z0-9._-]*", doc="a file of the folder")] = "page.html.j2"
