"""Image data sets and models that follow the MAITE protocols, as objects of Python: written as files like any other.

MAITE is not imported: what an object offers is looked at (``maite.protocols.image_classification`` of 0.10). A data set
becomes an ``.npz`` file and a model an MLflow model of the flavour ``python_function``, so that both take the way of
every other: digests, a scan, a child, layers of isolation.
"""

from qmtestbed.maite.writing import Written, is_object, write

__all__ = ["Written", "is_object", "write"]
