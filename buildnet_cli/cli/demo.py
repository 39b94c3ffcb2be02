"""`demo`: the whole way on this machine, from a source file that breaks to the people who hear of it."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import typer

from buildnet_cli.api import client
from buildnet_cli.cli.app import single_command
from buildnet_cli.cli.cmd import describe_build
from buildnet_cli.cli.context import AppContext
from buildnet_cli.errors import BuildNetError, NotFoundError, TimedOutError, UnreachableError
from buildnet_cli.paths import FOLDER, Workspace, find_workspace

if TYPE_CHECKING:
    from buildnet_cli.sandbox.inbox import Inbox

EXAMPLE = "monorepo"

# The slip: a name that the compiler does not know, in a file that says where.
_BROKEN_FILE = "libgreet/src/greet.c"
_SLIP = ("greeting, name", "greting, name")

_MESSAGE_WIDTH = 90
_PATIENCE_SECS = 25.0
_POLL_SECS = 0.05


@single_command(epilog="buildnet-notify demo")
def app(ctx: typer.Context) -> None:
    """A build that works, one that fails, and what each recipient is told. Takes seconds, leaves nothing behind."""
    state: AppContext = ctx.obj
    with tempfile.TemporaryDirectory(prefix="buildnet-demo-") as folder, _running_sandbox() as (url, inbox):
        project = copy_example(Path(folder), url)
        workspace = find_workspace(project=project, config=project / FOLDER / "notifications.yaml")
        tour = _Tour(state, workspace, inbox)
        tour.say(1, f"An inbox is up at {url}; it stands in for chat and pager")
        tour.say(2, f"A project was copied to {project}: C and Python, {tour.package_names()}")
        with tour.running_agent():
            tour.say(4, "Building everything: buildnet-notify cmd BUILD --wait")
            first = tour.build()
            line = break_source(project)
            tour.say(5, f"Mistyping a name in {_BROKEN_FILE}:{line}, and building again")
            second = tour.build()
            received = tour.what_arrived()
            tour.say(6, "What each recipient received")
            _show_received(state, received)
        tour.say(7, "The agent and the inbox have stopped; nothing is left behind")
    state.output.result("demo", {"builds": [*first, *second], "received": received})
    state.output.say(
        "\nIn your own project, type:\n"
        "  buildnet-notify init         writes .buildnet/notifications.yaml\n"
        "  buildnet-notify send-test    shows whether a message arrives\n"
        "  buildnet-notify agent start  begins to build and to tell"
    )


def copy_example(folder: Path, inbox_url: str) -> Path:
    """A copy of the example that sends to this inbox and disturbs nobody: its agent takes any free port."""
    project = folder / EXAMPLE
    shutil.copytree(_example(), project)
    config = project / FOLDER / "notifications.yaml"
    text = config.read_text("utf-8").replace("http://127.0.0.1:9899", inbox_url)
    config.write_text(f"{text}\nagent:\n  api:\n    port: 0\n", "utf-8")
    config.chmod(0o600)
    (project / FOLDER).chmod(0o700)
    return project


def break_source(project: Path) -> int:
    """Mistype a name in a C file; the line where."""
    path = project / _BROKEN_FILE
    before, after = _SLIP
    lines = path.read_text("utf-8").splitlines(keepends=True)
    number = next(number for number, line in enumerate(lines) if before in line)
    lines[number] = lines[number].replace(before, after, 1)
    path.write_text("".join(lines), "utf-8")
    return number + 1


def _example() -> Path:
    """The example, as installed with the package, or in the repository beside it."""
    package = Path(__file__).parents[1]
    for folder in (package / "examples" / EXAMPLE, package.parent / "examples" / EXAMPLE):
        if folder.is_dir():
            return folder
    raise NotFoundError("the example project is not installed", hint="install buildnet-notify from its wheel or its repository")


class _Tour:
    """The steps of the demo against one workspace."""

    def __init__(self, state: AppContext, workspace: Workspace, inbox: Inbox) -> None:
        self._state = state
        self._workspace = workspace
        self._inbox = inbox
        self._agent = client.AgentClient(workspace.socket_link)

    def say(self, number: int, text: str) -> None:
        self._state.output.say(f"{number}  {text}")
        sys.stdout.flush()

    def package_names(self) -> str:
        names = re.findall(r'"name":\s*"([^"]+)"', (self._workspace.state / "config.json").read_text("utf-8"))
        return ", ".join(names)

    @contextmanager
    def running_agent(self) -> Iterator[None]:
        """An agent for as long as the block lasts; stopped whatever happens in it."""
        from buildnet_cli.agent.lock import holder
        from buildnet_cli.agent.start import start

        started = start(self._workspace)
        self.say(3, f"An agent was started (pid {started.pid}) in {started.took_secs:.1f}s: buildnet-notify agent start")
        try:
            yield
        finally:
            with suppress(UnreachableError):
                self._agent.post("/api/agent/stop")
            _wait(lambda: holder(self._workspace.lock) is None, "the agent did not stop")

    def build(self) -> list[dict[str, Any]]:
        """Build everything, tell of each package as it ends, and return them all."""
        answer = self._agent.post("/api/commands/execute", {"command": "BUILD"})
        if answer.get("kind"):
            raise BuildNetError(answer["message"], hint=answer["hint"])
        told: dict[str, dict[str, Any]] = {}

        def all_have_ended() -> bool:
            builds = self._agent.get("/api/builds", run=answer["result"]["run_id"])["items"]
            for build in reversed(builds):
                if build["finished_at"] and build["id"] not in told:
                    told[build["id"]] = build
                    self._state.output.say("     " + describe_build(build).replace("\n", "\n     "))
            return bool(builds) and len(told) == len(builds)

        _wait(all_have_ended, "the build did not end")
        return list(told.values())

    def what_arrived(self) -> list[dict[str, Any]]:
        """Everything in the inbox, once nothing is pending any more."""
        _wait(lambda: self._agent.get("/api/status")["deliveries"]["pending"] == 0, "not everything was delivered")
        return [message.as_wire() for message in self._inbox.messages()]


def _show_received(state: AppContext, received: list[dict[str, Any]]) -> None:
    by_recipient: dict[str, list[dict[str, Any]]] = {}
    for message in received:
        by_recipient.setdefault(message["recipient"], []).append(message["body"])
    for recipient, bodies in by_recipient.items():
        state.output.say(f"     {recipient} ({len(bodies)})")
        for event in bodies:
            sentence = shorten(event["message"], _MESSAGE_WIDTH, placeholder=" …")
            state.output.say(f"       {event['priority']:<8} {event['type']:<15} {sentence}")


@contextmanager
def _running_sandbox() -> Iterator[tuple[str, Inbox]]:
    from buildnet_cli.sandbox.inbox import Inbox
    from buildnet_cli.sandbox.server import SandboxServer

    inbox = Inbox()
    ready = threading.Event()
    server = SandboxServer(0, lambda _: ready.set(), inbox=inbox)
    thread = threading.Thread(target=server.run, name="sandbox")
    thread.start()
    try:
        if not ready.wait(_PATIENCE_SECS):
            raise TimedOutError("the inbox did not come up")
        yield server.url, inbox
    finally:
        server.stop()
        thread.join()


def _wait(is_done: Any, complaint: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECS
    while not is_done():
        if time.monotonic() > deadline:
            raise TimedOutError(f"{complaint} within {_PATIENCE_SECS:.0f} s")
        time.sleep(_POLL_SECS)
