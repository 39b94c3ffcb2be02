"""A real agent in an empty project, and a client that keeps its connection."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lib import proc

CONFIG = """\
agent:
  api:
    port: 0
"""
"""Any free port, so that agents at work on this machine are left alone."""


def config_for(ports: Sequence[int], *, timeout_secs: int = 15) -> str:
    """A webhook for each of these ports, which hears everything at once: no repeats are folded, and no rate is limited."""
    hooks = [
        {"name": f"sink-{port}", "url": f"http://127.0.0.1:{port}/", "events": ["*"], "timeout_secs": timeout_secs}
        for port in ports
    ]
    settings = {"dedup_window_secs": 0, "rate_limit": {"max_per_minute": 100_000, "max_per_hour": 1_000_000}}
    return CONFIG + json.dumps({"notifications": {"settings": settings, "channels": {"webhooks": hooks}}})[1:-1] + "\n"


@dataclass(frozen=True, eq=False)
class Project:
    """An empty project with a home of its own."""

    root: Path
    environ: dict[str, str]

    @property
    def socket(self) -> Path:
        return self.root / ".buildnet" / "agent.sock"

    @property
    def database(self) -> Path:
        return self.root / ".buildnet" / "notify.db"

    def call(self, *args: str) -> str:
        """Run our program here; what it printed. Raises RuntimeError with its error if it fails."""
        child = subprocess.run([proc.PROGRAM, *args], cwd=self.root, env=self.environ, capture_output=True, text=True)
        if child.returncode:
            raise RuntimeError(f"buildnet-notify {' '.join(args)} ended with {child.returncode}: {child.stderr}")
        return child.stdout

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start an agent in the foreground; the caller ends it."""
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([proc.PROGRAM, "agent", "run"], cwd=self.root, env=self.environ, **quiet)


@contextmanager
def project(config: str = CONFIG) -> Iterator[Project]:
    """Make a project in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="buildnet-bench-") as folder:
        root, home = Path(folder, "project"), Path(folder, "home")
        (root / ".buildnet").mkdir(parents=True, mode=0o700)
        home.mkdir(mode=0o700)
        (root / ".buildnet" / "notifications.yaml").write_text(config)
        yield Project(root, proc.environment(home))


@contextmanager
def running(config: str = CONFIG) -> Iterator[tuple[Project, int]]:
    """A project with an agent that answers, and the agent's pid."""
    with project(config) as here:
        here.call("agent", "start")
        try:
            yield here, json.loads(here.call("agent", "status", "--json"))["pid"]
        finally:
            here.call("agent", "stop")


@contextmanager
def variant(name: str = "none", environ: Mapping[str, str] | None = None) -> Iterator[Project]:
    """A project with an agent about which one thing has been changed; see `variants.py`. environ: what it has besides ours."""
    with project() as here:
        ready_fd, report_fd = os.pipe()
        script = str(Path(__file__).with_name("variants.py"))
        child = subprocess.Popen(
            [proc.PYTHON, script, name, str(report_fd)],
            cwd=here.root,
            env={**here.environ, **(environ or {})},
            pass_fds=[report_fd],
        )
        os.close(report_fd)
        try:
            with os.fdopen(ready_fd) as ready:
                if not ready.readline():
                    raise RuntimeError(f"the agent ({name}) did not start")
            yield here
        finally:
            proc.end(child)


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket, kept open between requests."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)

    def fetch(self, method: str, path: str, body: object = None) -> bytes:
        """One request; the body as JSON. Raises RuntimeError for an answer that is no success."""
        data = None if body is None else json.dumps(body)
        self.request(method, path, data, {"Content-Type": "application/json"} if data else {})
        answer = self.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:200]!r}")
        return content


def secs_to_answer(path: Path, *, limit: float = 30.0) -> float:
    """How long from now until something accepts a connection at a socket's path. Raises TimeoutError."""
    begin = time.perf_counter()
    while time.perf_counter() - begin < limit:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except OSError:
                time.sleep(0.0005)
            else:
                return time.perf_counter() - begin
    raise TimeoutError(f"nothing listens at {path}")
