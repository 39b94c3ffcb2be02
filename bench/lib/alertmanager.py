"""Prometheus Alertmanager beside us: the same events to the same endpoints, one notification for each."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lib import proc

PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
"""Debian calls it by the first name."""


@contextmanager
def running(ports: Sequence[int]) -> Iterator[int]:
    """One that tells these endpoints of every alert by itself, at once; the port it listens on."""
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory(prefix="buildnet-bench-") as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        probe.close()
        path = Path(folder, "alertmanager.yml")
        path.write_text(json.dumps(_config(ports)))
        argv = [PROGRAM, f"--config.file={path}", f"--storage.path={folder}", f"--web.listen-address=127.0.0.1:{port}"]
        child = subprocess.Popen([*argv, "--cluster.listen-address="], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait(port)
            yield port
        finally:
            proc.end(child)


def hand_in(port: int, count: int) -> None:
    """So many alerts that nobody has heard of."""
    stamp = time.monotonic_ns()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for start in range(0, count, 100):
        alerts = [
            {"labels": {"alertname": "bench", "n": f"{stamp}-{number}"}, "annotations": {"text": "x" * 300}}
            for number in range(start, min(start + 100, count))
        ]
        connection.request("POST", "/api/v2/alerts", json.dumps(alerts), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
    connection.close()


def _config(ports: Sequence[int]) -> dict[str, object]:
    timing = {"group_by": ["..."], "group_wait": "0s", "group_interval": "1h", "repeat_interval": "1h"}
    receivers = [
        {"name": f"r{port}", "webhook_configs": [{"url": f"http://127.0.0.1:{port}/", "send_resolved": False}]} for port in ports
    ]
    routes = [{"receiver": f"r{port}", "continue": True} for port in ports]
    return {"route": {"receiver": f"r{ports[0]}", **timing, "routes": routes}, "receivers": receivers}


def _wait(port: int) -> None:
    end = time.perf_counter() + 20
    while time.perf_counter() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("Alertmanager does not listen")
