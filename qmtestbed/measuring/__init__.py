"""Shared kernels for AITs. Imported in workers only: it needs numpy and scipy."""
