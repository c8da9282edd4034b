"""Every measure of the two examples computed again, from tables and model alone, without qmtestbed."""
