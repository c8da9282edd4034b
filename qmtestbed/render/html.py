"""The page: a view model put into a Jinja2 template, everything in one file. The only room that Jinja2 has."""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from qmtestbed.content import shared_parts
from qmtestbed.errors import ContentError, Problem
from qmtestbed.render.comparison import comparison_view
from qmtestbed.render.comparison_model import ComparisonView
from qmtestbed.render.context import DETAILS
from qmtestbed.render.model import View
from qmtestbed.render.site_model import HistoryView, IndexView
from qmtestbed.render.text import spoken
from qmtestbed.render.view import view
from qmtestbed.render.words import CHANGE_SIGNS, SYMBOLS, Words
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.comparison import Comparison
from qmtestbed.types.evidence import Evidence, Remark
from qmtestbed.types.text import Language

if TYPE_CHECKING:
    from jinja2 import Environment, Template

LARGEST = 1_900_000
"""Bytes that a page may have before long lists are cut shorter."""

_IN_MEMORY = 500_000


def page(
    evidence: Evidence,
    assessment: Assessment,
    template_folder: Path,
    language: Language = "en",
    remarks: Sequence[Remark] = (),
    *,
    entry: str = "page.html.j2",
) -> str:
    """Give the whole page as text; see :func:`page_pieces`."""
    return b"".join(page_pieces(evidence, assessment, template_folder, language, remarks, entry=entry)).decode()


def page_pieces(
    evidence: Evidence,
    assessment: Assessment,
    template_folder: Path,
    language: Language = "en",
    remarks: Sequence[Remark] = (),
    *,
    entry: str = "page.html.j2",
) -> Iterator[bytes]:
    """Render the page in UTF-8, piece by piece; a pure function of its arguments and the files of the template.

    The page needs no network and no script. What would make it larger than :data:`LARGEST` is cut short, and the page
    says so. Checks are drawn one by one and long pages wait in a file, so memory does not grow with a run.

    Raises
    ------
    ContentError
        The template can't be used; names its file and line.
    """
    with _template_errors(template_folder):
        template = _template(template_folder, entry)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
            for detail in DETAILS[:-1]:
                pieces = _fill(template, view(evidence, assessment, language, detail, remarks))
                if _up_to(LARGEST, pieces, cast(BinaryIO, spool)):
                    spool.seek(0)
                    yield from iter(lambda: spool.read(_IN_MEMORY), b"")
                    return
        yield from _fill(template, view(evidence, assessment, language, DETAILS[-1], remarks))


def site_page(v: IndexView | HistoryView, template_folder: Path, entry: str) -> bytes:
    """Render a page of a published site.

    Raises
    ------
    ContentError
        The template can't be used; names its file and line.
    """
    with _template_errors(template_folder):
        return b"".join(_fill(_template(template_folder, entry), v))


def comparison_page(
    comparison: Comparison,
    evidence: Sequence[Evidence],
    template_folder: Path,
    language: Language = "en",
    *,
    entry: str = "page.html.j2",
) -> str:
    """Render the page of a comparison, as self-contained as that of a run.

    Parameters
    ----------
    comparison
        What was found.
    evidence
        The runs, in the same order, for titles and figures.
    template_folder
        Where the template is.

    Raises
    ------
    ContentError
        The template can't be used; names its file and line.
    """
    with _template_errors(template_folder):
        template = _template(template_folder, entry)
        text = b""
        for detail in DETAILS:
            text = b"".join(_fill(template, comparison_view(comparison, evidence, language, detail)))
            if len(text) <= LARGEST:
                break
        return text.decode()


@contextmanager
def _template_errors(folder: Path) -> Iterator[None]:
    """Name file and line of a template that can't be used; a fault of ours passes through."""
    try:
        yield
    except _faults() as error:
        problem = _problem(error, folder)
        if problem is None:
            raise
        raise ContentError(problem) from error


def _up_to(limit: int, pieces: Iterable[bytes], spool: BinaryIO) -> bool:
    """Write pieces to ``spool`` unless they are more than ``limit`` bytes together; say whether they were not."""
    spool.seek(0)
    spool.truncate()
    return all(spool.tell() + len(piece) <= limit and spool.write(piece) == len(piece) for piece in pieces)


def _template(folder: Path, entry: str) -> Template:
    return _environment(folder).get_template(entry)


@lru_cache(maxsize=8)
def _environment(folder: Path) -> Environment:
    """Give what the templates of a folder are compiled by; each is compiled again when its file has changed."""
    from jinja2 import FileSystemLoader, StrictUndefined, TemplateSyntaxError, nodes
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Strict(ImmutableSandboxedEnvironment):
        def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
            tree = super()._parse(source, name, filename)
            switch = tree.find(nodes.ScopedEvalContextModifier)
            if switch is not None:
                raise TemplateSyntaxError("autoescape can't be switched", switch.lineno, name, filename)
            return tree

        def getattr(self, obj: Any, attribute: str) -> Any:
            """Give a field of a view without asking what a sandbox asks of methods: in a fifth of the time."""
            if attribute in getattr(type(obj), "__dataclass_fields__", ()):
                return getattr(obj, attribute)
            return super().getattr(obj, attribute)

    environment = Strict(
        loader=FileSystemLoader([folder, shared_parts()]),
        autoescape=True,
        optimized=False,  # there is next to nothing to fold, and looking for it takes a tenth of compiling
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    del environment.filters["safe"]  # only pictures of ours are markup, and they say so themselves
    environment.globals["cut"] = lambda text, n: text if len(text) <= n else f"{text[: n - 1]}…"
    environment.globals["spoken"] = spoken
    environment.globals["symbol"] = lambda verdict: SYMBOLS.get(verdict, "")
    environment.globals["change_sign"] = lambda change: CHANGE_SIGNS.get(change, "")
    return environment


def _fill(template: Template, v: View | ComparisonView | IndexView | HistoryView) -> Iterator[bytes]:
    stream = template.stream(v=v, w=Words(v.language))
    stream.enable_buffering(1000)
    yield next(stream).lstrip().encode()
    for piece in stream:
        yield piece.encode()


def _faults() -> tuple[type[Exception], ...]:
    """Give what a template can raise: Jinja2's own errors, and those of the expressions in it."""
    from jinja2 import TemplateError

    return TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError


def _problem(error: Exception, folder: Path) -> Problem | None:
    """Say where a template is wrong; ``None`` if the fault lies in what the template asked us for."""
    from jinja2 import TemplateError

    frames, ours = traceback.extract_tb(error.__traceback__), Path(__file__).parent
    written = [i for i, f in enumerate(frames) if _is_within(f.filename, folder, shared_parts())]
    asked = frames[written[-1] + 1 :] if written else frames[1:]
    if not isinstance(error, TemplateError) and any(
        _is_within(f.filename, ours) and Path(f.filename).name not in ("html.py", "words.py") for f in asked
    ):
        return None
    name = getattr(error, "filename", None) or (frames[written[-1]].filename if written else str(folder))
    line = getattr(error, "lineno", None) or (frames[written[-1]].lineno if written else None)
    missing = isinstance(error, KeyError) and asked and Path(asked[-1].filename).name == "words.py"
    said = f"there is no word {error}" if missing else str(error)
    found = said if isinstance(error, TemplateError) or missing else f"{type(error).__name__}: {said}"
    return Problem("the report template can't be used", f"{name}:{line}" if line else str(name), found)


def _is_within(name: str, *folders: Path) -> bool:
    return any(Path(name).is_relative_to(folder) for folder in folders)
