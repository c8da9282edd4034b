"""The notebook in the documentation is run from top to bottom, in a folder of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed (pip install qmtestbed[test])")


@pytest.mark.slow
def test_the_mlflow_tutorial_runs(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    notebook = nbformat.read(checkout / "docs" / "tutorials" / "mlflow.ipynb", as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=dict(os.environ))
    outputs = {c.id: [o for o in c.outputs if o.output_type != "stream" or o.name == "stdout"] for c in notebook.cells
               if c.cell_type == "code"}  # fmt: skip
    text = repr(outputs)
    assert "<iframe srcdoc=" in text and "qmtestbed report" in text
    assert "promoted version 2" in text
    assert "Traceback" not in text
    assert Path(tmp_path, "evaluation", "report.html").is_file()
