"""Assessment and evidence → files: the HTML page, the Markdown summary, JUnit. Pure views, without a clock."""

from qmtestbed.render.attestation import attestation
from qmtestbed.render.html import page, page_pieces
from qmtestbed.render.junit import junit
from qmtestbed.render.markdown import summary

__all__ = ["attestation", "junit", "page", "page_pieces", "summary"]
