"""Frozen values that stages pass to each other; no input or output happens here."""
