"""PAUSE, RESUME and CANCEL, as the asker reads them."""

from __future__ import annotations

from typing import Any, cast

import pytest

from buildnet_cli.commands.handlers.build import build, cancel
from buildnet_cli.commands.handlers.engine import pause, resume
from buildnet_cli.commands.model import Context, Level, Principal
from buildnet_cli.commands.registry import NOT_YET, commands
from buildnet_cli.engine.model import Build, BuildStatus, EngineStatus, Ticket
from tests.support.builds import build as a_build
from tests.support.clocks import START, FakeClock


class Engine:
    """An engine that counts what it is told to."""

    def __init__(self, count: int, state: str = "running") -> None:
        self.count = count
        self.state = state
        self.ended: list[Build] = []

    async def cancel(self, target: str, *, requested_by: str) -> list[Build]:
        return self.ended

    async def pause(self) -> int:
        return self.count

    async def resume(self) -> int:
        return self.count

    async def status(self) -> EngineStatus:
        return EngineStatus("local", self.state, ("api",), (), ())

    async def enqueue(self, package: str | None, *, requested_by: str, is_forced: bool = False) -> Ticket:
        queued = Build("build_1", "run_1", "api", BuildStatus.QUEUED, requested_by, START)
        return Ticket("run_1", package, (queued,), 1, None)


def context(engine: Engine) -> Context:
    principal = Principal("local", "socket", "uid 0", ("*",))
    unused = cast(Any, None)
    return Context(principal, FakeClock(START), cast(Any, engine), unused, unused, unused, "req_1")


@pytest.mark.parametrize(
    ("running", "message"),
    [
        (0, "Paused: nothing is building; new requests wait until RESUME"),
        (1, "Paused: 1 build runs on to the end; new requests wait until RESUME"),
        (2, "Paused: 2 builds run on to the end; new requests wait until RESUME"),
    ],
)
async def test_a_pause_says_how_many_builds_go_on(running: int, message: str) -> None:
    reply = await pause(context(Engine(running)), ())
    assert (reply.message, reply.result) == (message, {"state": "paused", "running": running})


async def test_a_resume_says_how_many_builds_waited() -> None:
    reply = await resume(context(Engine(3)), ())
    assert (reply.message, reply.result) == ("Resumed: 3 waiting", {"state": "running", "waiting": 3})


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("running", "Build queued for package 'api'"),
        ("paused", "Build queued for package 'api'; it waits for RESUME, because builds are paused"),
        ("unreachable", "Build queued for package 'api'; it waits for the BuildNet daemon, which does not answer"),
    ],
)
async def test_a_build_that_cannot_begin_says_what_it_waits_for(state: str, message: str) -> None:
    reply = await build(context(Engine(0, state)), ("api",))
    assert reply.message == message


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ({"ui": BuildStatus.CANCELLED, "api": BuildStatus.CANCELLED}, "Cancelled api, ui"),
        ({"api": BuildStatus.CANCELLED, "lib": BuildStatus.COMPLETED}, "Cancelled api; lib had ended by then"),
        ({"lib": BuildStatus.FAILED}, "Nothing was left to cancel; lib had ended by then"),
    ],
)
async def test_a_cancel_names_what_it_ended_and_what_had_ended_by_itself(ends: dict[str, BuildStatus], message: str) -> None:
    engine = Engine(0)
    engine.ended = [a_build(name, status) for name, status in ends.items()]
    assert (await cancel(context(engine), ("run_1",))).message == message


def test_both_are_for_administrators() -> None:
    assert [commands()[name].level for name in ("PAUSE", "RESUME")] == [Level.ADMIN, Level.ADMIN]
    assert not {"PAUSE", "RESUME"} & set(NOT_YET)
