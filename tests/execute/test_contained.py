"""Programs that reach for what is not theirs, in one run inside the sandbox; the good check beside them is right."""

from __future__ import annotations

import os
import socket
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from qmtestbed import pipeline
from qmtestbed.execute import available
from qmtestbed.types.record import Record

MANIFEST = """
schema: qmtestbed/ait/v1
id: {id}
version: 1.0.0
title: A program that misbehaves
quality: operation
method: For tests
references: []
informs: {{}}
inputs: {{data: {{kind: table}}}}
measures: {{rows: {{unit: rows, range: [0, null], better: higher}}}}
limits: {{timeout: {seconds}s, memory: 600MiB}}
"""

# Each returns 1 row when it was refused and 0 rows when it got through; the good one counts the rows.
PROGRAMS = {
    "good": "return {'rows': len(data.frame)}",
    "writes_outside": """
        try:
            open('@FOLDER@/outside.txt', 'w').write('x')
        except OSError:
            return {'rows': 1}
        return {'rows': 0}
    """,
    "reads_a_secret": """
        try:
            open('@FOLDER@/secret.txt').read()
        except OSError:
            return {'rows': 1}
        return {'rows': 0}
    """,
    "looks_into_the_home_folder": """
        import os, pathlib, pwd
        try:
            os.listdir(pwd.getpwuid(os.getuid()).pw_dir)
        except (OSError, KeyError):
            return {'rows': 1}
        return {'rows': 0}
    """,
    "sets_the_clock": """
        import time
        try:
            time.clock_settime(time.CLOCK_REALTIME, time.time())
        except OSError:
            return {'rows': 1}
        return {'rows': 0}
    """,
    "reads_the_parent_s_environment": """
        import pathlib
        found = b''
        for path in pathlib.Path('/proc').glob('[0-9]*/environ'):
            try:
                found += path.read_bytes()
            except OSError:
                pass
        return {'rows': 0 if b'QMT_TOKEN' in found else 1}
    """,
    "connects": """
        import socket
        try:
            socket.create_connection(('127.0.0.1', @PORT@), timeout=2).send(b'hello')
        except OSError:
            return {'rows': 1}
        return {'rows': 0}
    """,
    "kills_its_parent": """
        import os, signal
        os.kill(os.getppid(), signal.SIGKILL)
        return {'rows': 1}
    """,
    "leaves_a_grandchild": """
        import subprocess
        subprocess.Popen(['sleep', '31337'], start_new_session=True)
        return {'rows': 1}
    """,
    "process_bomb": """
        import os, time
        made = 0
        try:
            for _ in range(2000):
                if os.fork() == 0:
                    time.sleep(30)
                    os._exit(0)
                made += 1
        except OSError:
            return {'rows': 1}
        return {'rows': 0}
    """,
    "prints_without_end": """
        while True:
            print('x' * 10**6)
    """,
    "a_huge_result": """
        import os
        with open('record.json', 'wb') as stream:
            stream.truncate(200 * 2**20)
        os._exit(0)
    """,
    "a_result_of_two_gigabytes": """
        with open('record.json', 'wb') as stream:
            for _ in range(2048):
                stream.write(bytes(2**20))
        return {'rows': 1}
    """,
    "changes_its_input": """
        data.frame.iloc[:, 0] = 0
        try:
            open('@FOLDER@/t.csv', 'w').write('gone')
        except OSError:
            return {'rows': 1}
        return {'rows': 0}
    """,
    "leaves_threads_running": """
        import threading, time
        for _ in range(5):
            threading.Thread(target=time.sleep, args=(60,)).start()
        return {'rows': 1}
    """,
    "forges_the_store": """
        import os, pathlib
        try:
            (pathlib.Path('@FOLDER@/store') / 'v1').mkdir(parents=True)
        except OSError:
            return {'rows': 1}
        return {'rows': 0}
    """,
}
REFUSED = {
    "writes_outside", "reads_a_secret", "looks_into_the_home_folder", "sets_the_clock",
    "reads_the_parent_s_environment", "connects", "leaves_a_grandchild",
    "process_bomb", "changes_its_input", "leaves_threads_running", "forges_the_store",
}  # fmt: skip

lacking = [name for name, reason in available().items() if reason]
pytestmark = pytest.mark.skipif(bool(lacking), reason=f"this host does not offer the layers {', '.join(lacking)}")


@dataclass
class Run:
    folder: Path
    outcome: pipeline.Outcome
    heard: list[bytes]

    def record(self, check: str) -> Record:
        found = self.outcome.evidence.record_of(check)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("contained")
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        stop = threading.Event()

        def listen() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    heard.append(b"connected")

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield Run(folder, execute(folder, listener.getsockname()[1]), heard)
        finally:
            stop.set()
            thread.join()


def execute(folder: Path, port: int) -> pipeline.Outcome:
    (folder / "secret.txt").write_text("secret")
    (folder / "t.csv").write_text("a,b\n1,x\n2,y\n3,z\n")
    for id, program in PROGRAMS.items():
        body = textwrap.dedent(program).strip().replace("@FOLDER@", str(folder)).replace("@PORT@", str(port))
        (folder / "aits" / id).mkdir(parents=True)
        (folder / "aits" / id / "ait.yaml").write_text(
            MANIFEST.format(id=id, seconds=120 if id in REFUSED else 10), "utf-8"
        )
        (folder / "aits" / id / "measure.py").write_text(
            f"def measure(data):\n{textwrap.indent(body, '    ')}\n", "utf-8"
        )
    checks = "".join(f"  {id}: {{ait: {id}, with: {{data: t}}, expect: [rows >= 1]}}\n" for id in PROGRAMS)
    plan = f"schema: qmtestbed/plan/v1\ncomponent: c\ninventories: {{t: t.csv}}\nchecks:\n{checks}"
    (folder / "plan.yaml").write_text(plan, "utf-8")
    os.environ["QMT_TOKEN"] = "token"
    try:
        options = pipeline.Options(out=folder / "out", aits=(folder / "aits",), jobs=2)
        return pipeline.run(folder / "plan.yaml", options)
    finally:
        del os.environ["QMT_TOKEN"]


@pytest.mark.parametrize("check", sorted(REFUSED))
def test_it_was_refused(run: Run, check: str) -> None:
    record = run.record(check)
    assert record.status == "measured", record.error
    assert record.measures["rows"].value == 1


@pytest.mark.parametrize("check", sorted(set(PROGRAMS) - REFUSED - {"good"}))
def test_it_has_a_failed_record(run: Run, check: str) -> None:
    assert run.record(check).status in ("failed", "timed_out")


def test_the_good_one_is_right_and_names_every_layer(run: Run) -> None:
    record = run.record("good")
    assert record.measures["rows"].value == 3
    assert record.isolation == ("process", "environment", *available())


def test_nothing_came_out(run: Run) -> None:
    assert run.heard == []
    assert not (run.folder / "outside.txt").exists() and not (run.folder / "store").exists()
    assert (run.folder / "t.csv").read_text().startswith("a,b\n1,x")


def test_no_grandchild_is_left(run: Run) -> None:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes())
        except OSError:
            continue  # it ended meanwhile
    assert not any(b"31337" in line for line in lines)


def test_no_log_is_larger_than_its_limit(run: Run) -> None:
    sizes = {p.name: p.stat().st_size for p in (run.folder / "out" / "logs").iterdir()}
    assert max(sizes.values()) <= 2 * 2**20, sizes
