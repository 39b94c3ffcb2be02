"""The stand-in for a BuildNet daemon, running for a test, and projects for it made in one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildnet_cli.sandbox.buildnetd.server import StandIn


def write_project(root: Path, commands: dict[str, str], *, limit: int = 4, **dependencies: str) -> None:
    """A project whose packages all lie in the root, each with an output folder of its own that no command makes unasked.

    commands: shell commands by name. dependencies: what a package depends on, separated by blanks.
    """
    packages = [
        {
            "name": name,
            "path": ".",
            "build_cmd": command,
            "dependencies": dependencies.get(name, "").split(),
            "sources": ["src/**/*"],
            "output_dir": f"out/{name.replace('/', '_')}",
        }
        for name, command in commands.items()
    ]
    config: dict[str, Any] = {
        "project_root": ".",
        "db_path": ".buildnet/state.db",
        "cache_path": ".buildnet/cache",
        "http_port": 9876,
        "socket_path": ".buildnet/buildnet.sock",
        "max_concurrent_builds": limit,
        "watch_debounce_ms": 100,
        "build_timeout_secs": 600,
        "verbose": False,
        "packages": packages,
    }
    (root / ".buildnet").mkdir(exist_ok=True)
    (root / "src").mkdir(exist_ok=True)
    (root / "src" / "a").write_text("a\n")
    (root / ".buildnet" / "config.json").write_text(json.dumps(config))


@contextmanager
def daemon(root: Path, port: int = 0, *, keep_alive_secs: float = 15.0) -> Iterator[StandIn]:
    """The stand-in in a thread, until the block ends; its children end with it."""
    is_ready = threading.Event()
    server = StandIn(root, port, keep_alive_secs=keep_alive_secs, ready=is_ready.set)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert is_ready.wait(10), "the stand-in does not start"
        yield server
    finally:
        server.stop()
        thread.join(10)
        server.daemon.end_children()
        assert not thread.is_alive(), "the stand-in does not end"


@dataclass
class DaemonProcess:
    """The stand-in as a process of its own. url: where it answers."""

    process: subprocess.Popen[str]
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def daemon_process(root: Path, port: int = 0) -> Iterator[DaemonProcess]:
    """The stand-in as a process, in a group of its own, which ends with the block."""
    command = [sys.executable, "-m", "buildnet_cli.sandbox.buildnetd", "--project-root", str(root), "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, process_group=0) as process:
        try:
            assert process.stdout is not None
            yield DaemonProcess(process, process.stdout.readline().strip())
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
