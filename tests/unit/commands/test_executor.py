"""One row per command, whatever becomes of it, and written before anything happens."""

from __future__ import annotations

import pytest

from buildnet_cli.commands.model import CommandStatus, Principal
from buildnet_cli.errors import Kind, StorageError
from tests.support.commands import ADMIN, executor


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


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("BUILD api --force", "enqueue api for socket:local, forced"),
        ("build --FORCE api", "enqueue api for socket:local, forced"),
        ("BUILD --force", "enqueue None for socket:local, forced"),
    ],
)
async def test_a_build_may_be_forced(text: str, asked: str) -> None:
    journal: list[str] = []
    execute, _ = executor(journal)
    assert (await execute.execute(text, ADMIN)).status is CommandStatus.ACCEPTED
    assert journal == ["begin", asked, "finish"]


@pytest.mark.parametrize("text", ["BUILD --fast", "BUILD api ui", "BUILD api -f", "BUILD api --force ui"])
async def test_a_build_takes_one_package_and_one_option(text: str) -> None:
    journal: list[str] = []
    execute, _ = executor(journal)
    assert (await execute.execute(text, ADMIN)).kind is Kind.USAGE
    assert journal == ["begin", "finish"]


async def test_a_message_from_outside_is_acted_on_once() -> None:
    journal: list[str] = []
    execute, _ = executor(journal)
    assert await execute.execute_message("build api", ADMIN, "SM1") is not None
    assert await execute.execute_message("build api", ADMIN, "SM1") is None
    assert journal == ["begin", "enqueue api for socket:local", "finish"]


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
        ("CACHE STATS", ("*",), "executed", None),
        ("CACHE CLEAR", ("*",), "confirmation_required", None),
        ("YES 483920", ("*",), "failed", Kind.CONFIRMATION_WRONG),
        ("NO", ("*",), "failed", Kind.CONFIRMATION_WRONG),
        ("STOP", ("*",), "confirmation_required", None),
        ("REPORT", ("*",), "unsupported", Kind.UNSUPPORTED),
        ("CACHE CLEAR", ("level:build",), "denied", Kind.DENIED),
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


async def test_the_cache_is_told_in_artifacts_and_in_room() -> None:
    execute, _ = executor([])
    result = await execute.execute("cache stats", ADMIN)
    assert result.message == "The cache holds 1,204 artifacts, 4.2 MB of at most 5 GB"
    assert result.result == {"artifacts": 1204, "size_bytes": 4_404_019, "limit_bytes": 5 << 30}
