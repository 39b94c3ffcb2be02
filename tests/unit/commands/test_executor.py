"""One row per command, whatever becomes of it, and written before anything happens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from buildnet_cli.commands.executor import Executor
from buildnet_cli.commands.model import CommandStatus, Principal
from buildnet_cli.engine.model import Build, BuildStatus, EngineStatus, Ticket
from buildnet_cli.errors import ConflictError, Kind, NotFoundError, StorageError
from tests.support.clocks import FakeClock

NOW = datetime(2024, 1, 26, 12, 0, tzinfo=UTC)
ADMIN = Principal("local", "socket", "uid 0", ("*",))


class Rows:
    """A command log that remembers the order of things."""

    def __init__(self, journal: list[str], *, fails: bool = False) -> None:
        self.journal = journal
        self.fails = fails
        self.fails_at_end = False
        self.rows: dict[str, dict[str, Any]] = {}

    async def begin(self, entry: Mapping[str, Any]) -> None:
        if self.fails:
            raise StorageError("the disk is full")
        self.journal.append("begin")
        self.rows[entry["request_id"]] = {**entry, "status": "executing"}

    async def finish(
        self, request_id: str, *, status: str, result: Mapping[str, Any], message: str, finished_at: datetime
    ) -> None:
        if self.fails_at_end:
            raise StorageError("the disk is full")
        self.journal.append("finish")
        self.rows[request_id].update(status=status, result=dict(result), message=message)


class Engine:
    """An engine with one package."""

    def __init__(self, journal: list[str]) -> None:
        self.journal = journal

    async def start(self) -> None: ...

    async def enqueue(self, package: str | None, *, requested_by: str) -> Ticket:
        self.journal.append(f"enqueue {package} for {requested_by}")
        if package not in (None, "api"):
            raise NotFoundError(f"there is no package {package!r}", hint='did you mean "api"?')
        build = Build("build_1", "run_1", "api", BuildStatus.QUEUED, requested_by, NOW)
        return Ticket("run_1", package, (build,), 1, None)

    async def cancel(self, target: str) -> list[Build]:
        if target == "boom":
            raise RuntimeError("a bug")
        raise ConflictError("that build is finished")

    async def status(self) -> EngineStatus:
        raise AssertionError("nobody asks for this here")

    async def shutdown(self) -> None: ...


class Builds:
    async def recent(self, *, limit: int) -> list[Build]:
        return []


def executor(journal: list[str], *, fails: bool = False) -> tuple[Executor, Rows]:
    rows = Rows(journal, fails=fails)

    async def status() -> dict[str, Any]:
        return {"state": "running", "queue": {"running": [], "waiting": 0}, "deliveries": {"pending": 0, "dead": 0}}

    return Executor(log=rows, clock=FakeClock(NOW), engine=Engine(journal), builds=Builds(), status=status), rows


async def test_the_row_is_written_before_the_effect_and_completed_after() -> None:
    journal: list[str] = []
    execute, rows = executor(journal)
    result = await execute.execute("build api", ADMIN)
    assert journal == ["begin", "enqueue api for socket:local", "finish"]
    assert result.status is CommandStatus.ACCEPTED
    assert result.as_wire() == {
        "command": "BUILD api",
        "status": "accepted",
        "request_id": result.request_id,
        "timestamp": "2024-01-26T12:00:00.000Z",
        "result": {
            "run_id": "run_1",
            "build_id": "build_1",
            "package": "api",
            "builds": [{"id": "build_1", "package": "api"}],
            "queued_position": 1,
            "estimated_start": None,
        },
        "message": "Build queued for package 'api'",
    }
    assert rows.rows[result.request_id]["status"] == "accepted"


async def test_nothing_runs_if_the_row_cannot_be_written() -> None:
    journal: list[str] = []
    execute, _ = executor(journal, fails=True)
    with pytest.raises(StorageError):
        await execute.execute("build api", ADMIN)
    assert journal == []


@pytest.mark.parametrize(
    ("text", "permissions", "status", "kind"),
    [
        ("STATUS", ("*",), "executed", None),
        ("HELP", ("*",), "executed", None),
        ("HISTORY", ("*",), "executed", None),
        ("HISTORY nine", ("*",), "failed", Kind.USAGE),
        ("HISTORY 0", ("*",), "failed", Kind.USAGE),
        ("HISTORY ٣", ("*",), "failed", Kind.USAGE),
        ("STATUS now", ("*",), "failed", Kind.USAGE),
        ("CANCEL", ("*",), "failed", Kind.USAGE),
        ("STATSU", ("*",), "failed", Kind.USAGE),
        ("BUILD nope", ("*",), "failed", Kind.NOT_FOUND),
        ("CANCEL build_0", ("*",), "failed", Kind.CONFLICT),
        ("CANCEL boom", ("*",), "failed", Kind.FAILED),
        ("CACHE CLEAR", ("*",), "unsupported", Kind.UNSUPPORTED),
        ("BUILD api", ("status",), "denied", Kind.DENIED),
        ("BUILD api", (), "denied", Kind.DENIED),
    ],
)
async def test_every_outcome_has_its_row(text: str, permissions: tuple[str, ...], status: str, kind: Kind | None) -> None:
    journal: list[str] = []
    execute, rows = executor(journal)
    result = await execute.execute(text, Principal("somebody", "api", "k", permissions))
    assert (result.status.value, result.kind) == (status, kind)
    row = rows.rows[result.request_id]
    assert (row["status"], row["channel"], row["principal"]) == (status, "api", "somebody")
    assert "boom" not in result.message


async def test_help_lists_only_what_the_asker_may_use() -> None:
    execute, _ = executor([])
    result = await execute.execute("HELP", Principal("somebody", "sms", "k", ("help", "status")))
    assert [entry["command"] for entry in result.result["commands"]] == ["HELP", "STATUS"]


async def test_a_command_that_ran_is_answered_even_if_its_end_cannot_be_recorded() -> None:
    journal: list[str] = []
    execute, rows = executor(journal)
    rows.fails_at_end = True
    result = await execute.execute("BUILD api", ADMIN)
    assert result.status is CommandStatus.ACCEPTED
    assert rows.rows[result.request_id]["status"] == "executing"
