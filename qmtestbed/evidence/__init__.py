"""Records → a folder that is complete in itself: content-addressed, sealed by a bundle, read back whole."""

from qmtestbed.evidence.run_folder import RunFolder, run_id

__all__ = ["RunFolder", "run_id"]
