"""Assessment and evidence → files: pages as HTML and PDF, the Markdown summary, JUnit, the pages of a published site.

Pure views, without a clock.
"""

from qmtestbed.render.ait_page import AitView, Clause, ait_index, ait_page
from qmtestbed.render.attestation import attestation
from qmtestbed.render.badge import badge_json, badge_svg
from qmtestbed.render.comment import comment, unfinished
from qmtestbed.render.first import first_lines
from qmtestbed.render.html import comparison_page, page, page_pieces, site_page
from qmtestbed.render.junit import junit
from qmtestbed.render.markdown import summary
from qmtestbed.render.pdf import pdf
from qmtestbed.render.published import folder_name, published
from qmtestbed.render.site import history_view, index_view, order, run_folder

__all__ = [
    "AitView",
    "Clause",
    "ait_index",
    "ait_page",
    "attestation",
    "badge_json",
    "badge_svg",
    "comment",
    "comparison_page",
    "first_lines",
    "folder_name",
    "history_view",
    "index_view",
    "junit",
    "order",
    "page",
    "page_pieces",
    "pdf",
    "published",
    "run_folder",
    "site_page",
    "summary",
    "unfinished",
]
