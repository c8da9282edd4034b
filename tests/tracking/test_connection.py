"""A store that is down, misspelt or not there is named, quickly, and nothing is made in its place."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from tests.conftest import Cli

from .conftest import Registry

COMMANDS = {
    "run": ("run", "plan.yaml"),
    "gate": ("gate", "models:/churn@candidate", "--plan", "plan.yaml", "--promote", "champion"),
    "history": ("history", "churn"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("uri", "what"),
    [
        ("http://127.0.0.1:{closed}", "the tracking server does not answer"),
        ("htp://127.0.0.1:5000", "MLFLOW_TRACKING_URI is not the address of a store"),
        ("sqlite:///nowhere/mlflow.db", "there is no MLflow store here"),
    ],
)
def test_a_wrong_store(registry: Registry, cli_here: Cli, command: str, uri: str, what: str) -> None:
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))  # bound and not listening: whoever connects is refused
        named = uri.format(closed=port.getsockname()[1])
        began = time.monotonic()
        done = cli_here(*COMMANDS[command], MLFLOW_TRACKING_URI=named, MLFLOW_HTTP_REQUEST_MAX_RETRIES="1")
    assert (done.returncode, done.stdout) == (4, "")
    assert what in done.stderr and named in done.stderr and "do:" in done.stderr
    assert "Traceback" not in done.stderr and time.monotonic() - began < 30
    assert not Path("nowhere").exists() and not Path("qmt-runs").exists()


def test_few_attempts_are_made_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    from qmtestbed.tracking.connection import QUIET, import_mlflow

    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    mlflow = import_mlflow()
    assert mlflow.environment_variables.MLFLOW_HTTP_REQUEST_MAX_RETRIES.get() == 2
    assert QUIET["MLFLOW_DISABLE_TELEMETRY"] == "true"
