"""The real program in an empty home: a project of its own, agents that end with the test, and every way to talk to them."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import pty
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import termios
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import yaml

from buildnet_cli.sandbox.inbox import Received
from tests.support.http_inbox import HttpInbox

PROGRAM = str(Path(sys.executable).with_name("buildnet-notify"))
"""The command as it was installed beside this Python."""

EXAMPLE = Path(__file__).parents[2] / "examples" / "monorepo"

PATIENCE_SECS = 20.0
"""How long anything may take on a machine that does much else."""


@dataclass(frozen=True)
class Ran:
    """How a call of the program ended."""

    args: tuple[str, ...]
    code: int
    out: str
    err: str
    took_secs: float = 0.0

    @property
    def json(self) -> Any:
        """The object on stdout. Raises ValueError if there is anything else."""
        assert self.out.count("\n") == 1, f"more than one line on stdout: {self.out!r}"
        return json.loads(self.out)

    def must(self, code: int = 0) -> Ran:
        """This, if it ended with the code."""
        assert self.code == code, f"{' '.join(self.args)} ended with {self.code}\n{self.out}\n{self.err}"
        return self


@dataclass(frozen=True)
class Answer:
    """What an HTTP request got. body: parsed if it was JSON, else text."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Project:
    """A project folder, and the environment of somebody who has never used the program before.

    root: the project. home, runtime: HOME and XDG_RUNTIME_DIR, empty at first.
    environ: all that the program inherits.
    """

    def __init__(self, folder: Path, runtime: Path, name: str) -> None:
        self.root = folder / name
        self.home = folder / "home"
        self.runtime = runtime
        self.state = self.root / ".buildnet"
        self.config = self.state / "notifications.yaml"
        self.home.mkdir(parents=True)
        self.root.mkdir()
        self.environ = {
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(runtime),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "PYTHONWARNINGS": "error",
        }

    def configure(self, text: str = "", **sections: Any) -> None:
        """Write the configuration: text as it is, or sections; the agent takes any free port unless they say otherwise."""
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.config.write_text(text or yaml.safe_dump({"agent": {"api": {"port": 0}}, **sections}, sort_keys=False))
        self.config.chmod(0o600)

    def packages(self, **commands: str) -> None:
        """Give the project packages, each with a shell command."""
        self.state.mkdir(mode=0o700, exist_ok=True)
        entries = [{"name": name, "path": ".", "build_cmd": command, "dependencies": []} for name, command in commands.items()]
        (self.state / "config.json").write_text(json.dumps({"project_root": ".", "packages": entries}))

    def call(
        self,
        *args: str,
        stdin: str | None = None,
        stdin_bytes: bytes | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        within_secs: float = 60.0,
        prefix: Iterable[str] = (),
    ) -> Ran:
        """Run the program to its end. stdin, stdin_bytes: what it reads; nothing by default. prefix: a program that runs ours."""
        begun = time.monotonic()
        child = subprocess.run(
            [*prefix, PROGRAM, *args],
            cwd=cwd or self.root,
            env={**self.environ, **(env or {})},
            input=stdin_bytes if stdin_bytes is not None else (stdin or "").encode("utf-8", "surrogateescape"),
            capture_output=True,
            timeout=within_secs,
        )
        took = time.monotonic() - begun
        out, err = (part.decode("utf-8", "surrogateescape") for part in (child.stdout, child.stderr))
        return Ran(args, child.returncode, out, err, took)

    def spawn(self, *args: str, **options: Any) -> subprocess.Popen[str]:
        """Start the program and leave it running; it ends with the project at the latest."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen([PROGRAM, *args], cwd=self.root, env=self.environ, text=True, **pipes)

    def start(self, **env: str) -> int:
        """Start the agent; its pid."""
        return int(self.call("agent", "start", "--json", env=env).must().json["pid"])

    def kill(self, pid: int) -> None:
        """End the agent as a power cut would, and wait until it is gone."""
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not is_alive(pid), "the killed agent is still there")

    @property
    def url(self) -> str:
        """Where the agent listens on TCP."""
        return str(self.status()["api"])

    def status(self) -> dict[str, Any]:
        """What the agent says of itself."""
        body: dict[str, Any] = self.ask("GET", "/api/status").body
        return body

    @property
    def socket(self) -> Path:
        """Where the agent listens for the terminal."""
        return (self.state / "agent.sock").readlink()

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """One request over the agent's Unix socket."""
        return ask(self.socket, method, path, body)

    def items(self, path: str) -> list[dict[str, Any]]:
        """Every item of a list of the API, all its pages."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while cursor is not None:
            page = self.ask("GET", f"{path}{'&' if '?' in path else '?'}limit=500{f'&cursor={cursor}' if cursor else ''}").body
            found += page["items"]
            cursor = page["next"]
        return found

    def emit(self, type_: str = "custom.test", **fields: Any) -> str:
        """Hand an event to the agent; the id it was accepted under."""
        answer = self.ask("POST", "/api/events", {"type": type_, **fields})
        assert answer.status == 202, answer.body
        return str(answer.body["items"][0]["id"])

    def until_heard(self, inbox: HttpInbox, hook: str, event: str) -> Received:
        """The request by which a hook was told of an event, once it was."""

        def told() -> list[Received]:
            return [got for got in inbox.received(hook) if got.body["id"] == event]

        try:
            return wait_for(told, f"{hook} was not told of {event}")[0]
        except AssertionError as exc:
            exc.add_note(f"{self.items('/api/deliveries')}\n{(self.state / 'logs' / 'agent.log').read_text()}")
            raise

    def make_due(self) -> None:
        """Let the time pass after which failed attempts are made again. Only while no agent runs."""
        with closing(sqlite3.connect(self.state / "notify.db")) as db, db:
            db.execute("UPDATE breakers SET not_before = NULL")
            db.execute("UPDATE deliveries SET next_attempt_at = ? WHERE status = 'pending'", [datetime.now(UTC).isoformat()])

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database answers."""
        with closing(sqlite3.connect(f"file:{self.state / 'notify.db'}?mode=ro", uri=True)) as db:
            return db.execute(query).fetchall()

    def processes(self) -> dict[int, str]:
        """Every process that was started from here, directly or through others, with its command line."""
        mark = f"HOME={self.home}".encode()
        found = {}
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and mark in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
        return {pid: command for pid, command in found.items() if command}

    def agents(self) -> list[int]:
        """The agents among them."""
        return [pid for pid, command in self.processes().items() if "agent run" in command]

    def mishaps(self) -> list[str]:
        """What agents wrote down that only a mistake of ours explains."""
        written = [path.read_text("utf-8", "replace") for path in (self.state / "logs").glob("agent.*") if path.is_file()]
        return [line for text in written for line in text.splitlines() if "Traceback" in line or "unexpected" in line]

    def end(self) -> None:
        """End whatever still runs."""
        deadline = time.monotonic() + PATIENCE_SECS
        while pids := list(self.processes()):
            assert time.monotonic() < deadline, f"{pids} cannot be ended"
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.01)


@contextmanager
def new_project(folder: Path, *, name: str = "project") -> Iterator[Project]:
    """An empty project of a name in a folder.

    Everything that was started from it has ended when the block ends, and no agent has written of a mistake of ours.
    """
    runtime = Path(tempfile.mkdtemp(prefix="bn-"))  # a socket's path has to be short
    project = Project(folder, runtime, name)
    try:
        yield project
    finally:
        project.end()
        shutil.rmtree(runtime)
    assert project.mishaps() == []


def on_terminal(project: Project, *args: str, env: Mapping[str, str], typed: str = "", at: str = "") -> Ran:
    """Run the program to its end on a terminal of its own; `out` is what that got.

    typed: what somebody types, as soon as `at` is shown.
    """
    ours, theirs = pty.openpty()
    try:
        child = subprocess.Popen(
            [PROGRAM, *args],
            cwd=project.root,
            env={**project.environ, **env},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_control_terminal,
        )
    finally:
        os.close(theirs)
    with os.fdopen(ours, "r+b", buffering=0) as screen, ended(child):
        shown = b""
        while True:
            if typed and at.encode() in shown:
                screen.write(typed.encode())
                typed = ""
            if not (chunk := _read_screen(screen)):
                break
            shown += chunk
        return Ran(args, child.wait(PATIENCE_SECS), shown.decode("utf-8", "replace"), "")


def _control_terminal() -> None:
    """As a shell's terminal is: the session's own, with us in its foreground."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read_screen(screen: IO[bytes]) -> bytes:
    ready, _, _ = select.select([screen], [], [], PATIENCE_SECS)
    assert ready, "the terminal stays silent"
    try:
        return screen.read(65536)
    except OSError:  # Linux says so when the last process has closed the terminal
        return b""


@contextmanager
def ended(child: subprocess.Popen[Any]) -> Iterator[subprocess.Popen[Any]]:
    """A process that has ended, whatever happens in the block; its pipes are closed."""
    with child:
        try:
            yield child
        finally:
            child.kill()


def copy_example(project: Project, hook: str) -> None:
    """Make the project a copy of the example that sends everything it tells to one hook."""
    shutil.copytree(EXAMPLE, project.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("build"))
    project.state.chmod(0o700)
    project.configure(**webhook(hook))


def webhook(url: str, **fields: Any) -> dict[str, Any]:
    """The section of a configuration that sends everything to one URL, each event as a message of its own."""
    hook = {"name": "Team", "url": url, "events": ["*"], **fields}
    limits = {"max_per_minute": 100_000, "max_per_hour": 1_000_000}
    settings = {"dedup_window_secs": 0, "rate_limit": limits}
    return {"notifications": {"settings": settings, "channels": {"webhooks": [hook]}}}


def wait_for(condition: Any, complaint: str, *, within_secs: float = PATIENCE_SECS) -> Any:
    """Look again and again until a condition has a value that counts as true; that value."""
    deadline = time.monotonic() + within_secs
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{complaint} after {within_secs:.0f} s"
        time.sleep(0.01)
    return value


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not asked for its code does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def ask(path: Path, method: str, target: str, body: Any = None, *, raw: bytes | None = None) -> Answer:
    """One HTTP request over a Unix socket. raw: the body as it is."""
    with closing(UnixConnection(str(path))) as connection:
        content = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        connection.request(method, target, content, {"Content-Type": "application/json"} if content is not None else {})
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), _parsed(answer.read()))


def request(method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """One HTTP request over TCP; an answer of any status."""
    asked = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return Answer(answer.status, dict(answer.headers), _parsed(answer.read()))
    except urllib.error.HTTPError as refused:
        with refused:
            return Answer(refused.code, dict(refused.headers), _parsed(refused.read()))


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PATIENCE_SECS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode("utf-8", "replace")
