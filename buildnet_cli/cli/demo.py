"""`demo`: the whole way on this machine, from a source file that breaks to the people who hear of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
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
    from buildnet_cli.sandbox.inbox import Inbox, Received
    from buildnet_cli.sandbox.server import SandboxServer

EXAMPLE = "monorepo"

# The slip: a name that the compiler does not know, in a file that says where.
_BROKEN_FILE = "libgreet/src/greet.c"
_SLIP = ("greeting, name", "greting, name")

# As people call them, in the order in which they are shown, by provider.
_CHANNELS = {
    "twilio": "SMS",
    "smtp": "mail",
    "fcm": "push",
    "slack": "Slack",
    "discord": "Discord",
    "telegram": "Telegram",
    "webhook": "webhook",
}
_MESSAGE_WIDTH = 90
_PATIENCE_SECS = 25.0
_POLL_SECS = 0.05


@single_command(epilog="buildnet-notify demo")
def app(ctx: typer.Context) -> None:
    """A build that works, one that fails, its fix, and what every channel is told. Takes seconds, leaves nothing behind."""
    state: AppContext = ctx.obj
    with tempfile.TemporaryDirectory(prefix="buildnet-demo-") as folder, _secrets_in(folder), _running_sandbox() as sandbox:
        project = copy_example(Path(folder), sandbox)
        workspace = find_workspace(project=project, config=project / FOLDER / "notifications.yaml")
        tour = _Tour(state, workspace, sandbox.inbox)
        tour.say(1, f"An inbox is up at {sandbox.url}; it stands in for telephone, mail, push, chats and webhooks")
        tour.say(2, f"A project was copied to {project}: C and Python, {tour.package_names()}")
        with tour.running_agent():
            tour.say(4, "Building everything: buildnet-notify cmd BUILD --wait")
            builds = tour.build()
            line = break_source(project)
            tour.say(5, f"Mistyping a name in {_BROKEN_FILE}:{line}, and building again")
            builds += tour.build()
            mend_source(project)
            tour.say(6, "Mending it, and building once more")
            builds += tour.build()
            received = tour.what_arrived()
            tour.say(7, "What every channel was told of the failure and of its end")
            _show_received(state, received)
        tour.say(8, "The agent and the inbox have stopped; nothing is left behind")
    state.output.result("demo", {"builds": builds, "received": [message.as_wire() for message in received]})
    state.output.say(
        "\nIn your own project, type:\n"
        "  buildnet-notify init         writes .buildnet/notifications.yaml\n"
        "  buildnet-notify send-test    shows whether a message arrives\n"
        "  buildnet-notify agent start  begins to build and to tell"
    )


def copy_example(folder: Path, sandbox: SandboxServer) -> Path:
    """A copy of the example whose channels all lead to this sandbox; its agent takes any free port, and disturbs nobody."""
    from buildnet_cli.sandbox.configuration import channels

    project = folder / EXAMPLE
    shutil.copytree(_example(), project)
    (project / FOLDER).chmod(0o700)
    with urllib.request.urlopen(f"{sandbox.url}/fcm/service-account.json") as answer:  # noqa: S310  (on this machine)
        account = _private(project / FOLDER / "service-account.json", answer.read().decode())
    config = {
        "agent": {"api": {"port": 0}},
        "notifications": {"channels": channels(sandbox.url, sandbox.smtp_port, str(account))},
    }
    _private(project / FOLDER / "notifications.yaml", json.dumps(config, indent=2))  # which is YAML, too
    return project


def _private(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    return path


def break_source(project: Path) -> int:
    """Mistype a name in a C file; the line where."""
    path = project / _BROKEN_FILE
    before, after = _SLIP
    lines = path.read_text("utf-8").splitlines(keepends=True)
    number = next(number for number, line in enumerate(lines) if before in line)
    lines[number] = lines[number].replace(before, after, 1)
    path.write_text("".join(lines), "utf-8")
    return number + 1


def mend_source(project: Path) -> None:
    """Undo the slip."""
    path = project / _BROKEN_FILE
    before, after = _SLIP
    path.write_text(path.read_text("utf-8").replace(after, before, 1), "utf-8")


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

    def what_arrived(self) -> list[Received]:
        """Everything in the inbox, once nothing is pending any more."""
        _wait(lambda: self._agent.get("/api/status")["deliveries"]["pending"] == 0, "not everything was delivered")
        return self._inbox.messages()


def _show_received(state: AppContext, received: Sequence[Received]) -> None:
    """The headlines that each recipient got, oldest first."""
    by_recipient: dict[tuple[str, str], list[str]] = {}
    for message in received:
        if message.answered < 300 and not message.replaces:
            by_recipient.setdefault((message.provider, message.recipient), []).append(message.reading.title)
    width = max(len(_CHANNELS[provider]) for provider, _ in by_recipient)
    for (provider, recipient), titles in sorted(by_recipient.items(), key=lambda each: list(_CHANNELS).index(each[0][0])):
        state.output.say(f"     {_CHANNELS[provider]:<{width}}  {recipient}")
        for title in titles:
            state.output.say(f"     {'':<{width}}    {shorten(title, _MESSAGE_WIDTH, placeholder=' …')}")


@contextmanager
def _secrets_in(folder: str) -> Iterator[None]:
    """Keep the secrets of the tour's agent, such as the key of its audit, in a folder of their own."""
    from buildnet_cli.secrets.vault import FOLDER_VARIABLE

    before = os.environ.get(FOLDER_VARIABLE)
    os.environ[FOLDER_VARIABLE] = str(Path(folder) / "secrets")
    try:
        yield
    finally:
        if before is None:
            del os.environ[FOLDER_VARIABLE]
        else:
            os.environ[FOLDER_VARIABLE] = before


@contextmanager
def _running_sandbox() -> Iterator[SandboxServer]:
    from buildnet_cli.sandbox.server import SandboxServer

    ready = threading.Event()
    server = SandboxServer(0, lambda _: ready.set())
    thread = threading.Thread(target=server.run, name="sandbox")
    thread.start()
    try:
        if not ready.wait(_PATIENCE_SECS):
            raise TimedOutError("the inbox did not come up")
        yield server
    finally:
        server.stop()
        thread.join()


def _wait(is_done: Any, complaint: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECS
    while not is_done():
        if time.monotonic() > deadline:
            raise TimedOutError(f"{complaint} within {_PATIENCE_SECS:.0f} s")
        time.sleep(_POLL_SECS)
