"""Assessment and evidence → files: pages as HTML and PDF, the Markdown summary, JUnit. Pure, without a clock."""

from qmtestbed.render.html import page, page_pieces
from qmtestbed.render.junit import junit
from qmtestbed.render.markdown import summary
from qmtestbed.render.pdf import pdf

__all__ = ["junit", "page", "page_pieces", "pdf", "summary"]
