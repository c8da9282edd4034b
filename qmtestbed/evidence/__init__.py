"""Records → a folder that is complete in itself: content-addressed, sealed by a bundle, read back whole."""

from qmtestbed.evidence.archive import opened
from qmtestbed.evidence.run_folder import RunFolder, run_id
from qmtestbed.evidence.store import Store, default_path

__all__ = ["RunFolder", "Store", "default_path", "opened", "run_id"]
