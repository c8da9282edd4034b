"""Assessment and evidence → files: the HTML page, the Markdown summary, JUnit. Pure views, without a clock."""

from qmtestbed.render.html import comparison_page, page, page_pieces
from qmtestbed.render.junit import junit
from qmtestbed.render.markdown import summary

__all__ = ["comparison_page", "junit", "page", "page_pieces", "summary"]
