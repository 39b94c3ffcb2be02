"""CONFIG, STOP and RESTART, as the asker reads them and as they are written down."""

from __future__ import annotations

import pytest

from buildnet_cli.commands.model import CommandStatus, Principal
from buildnet_cli.errors import Kind
from tests.support.commands import ADMIN, Lifecycle, executor

PHONE = Principal("Phone", "sms", "+14155550123", ("*",))


async def test_a_value_is_shown_and_changed() -> None:
    journal: list[str] = []
    execute, _ = executor(journal)
    assert (await execute.execute("config get batch_max", ADMIN)).message == "batch_max = 50"
    changed = await execute.execute("config set batch_max 60", ADMIN)
    assert changed.message == "Changed batch_max from 50 to 60; in force"
    assert "set batch_max to 60" in journal


async def test_all_that_follows_the_key_is_the_value() -> None:
    journal: list[str] = []
    execute, _ = executor(journal)
    await execute.execute("CONFIG SET batch_max [a, B c]", ADMIN)
    assert "set batch_max to [a, B c]" in journal


@pytest.mark.parametrize("text", ["CONFIG SET batch_max hunter2", "config  set batch_max hunter2", "/config set nope hunter2"])
async def test_a_value_is_written_down_nowhere_but_where_secrets_are_masked(text: str) -> None:
    execute, rows = executor([])
    result = await execute.execute(text, PHONE)
    assert "hunter2" not in rows.rows[result.request_id]["command"]
    assert result.command in ("CONFIG SET batch_max ***", "CONFIG SET nope ***")


async def test_a_change_from_afar_is_shown_before_its_code_is_asked_for() -> None:
    journal: list[str] = []
    execute, _ = executor(journal)
    asked = await execute.execute("CONFIG SET batch_max 60", PHONE)
    assert asked.message == "CONFIG SET batch_max *** would change batch_max from 50 to 60. Nothing has run yet."
    assert (await execute.execute(f"YES {asked.result['code']}", PHONE)).status is CommandStatus.EXECUTED
    assert "set batch_max to 60" in journal


async def test_what_is_protected_is_refused_before_any_code() -> None:
    execute, _ = executor([])
    refused = await execute.execute("CONFIG SET remote_control on", PHONE)
    assert (refused.status, refused.kind) == (CommandStatus.DENIED, Kind.DENIED)
    assert "code" not in refused.result


@pytest.mark.parametrize("word", ["STOP", "halt", "Stop Daemon"])
async def test_a_stop_begins_when_its_reply_is_stored(word: str) -> None:
    journal: list[str] = []
    lifecycle = Lifecycle(journal)
    lifecycle.running = 2
    execute, _ = executor(journal, lifecycle=lifecycle)
    asked = await execute.execute(word, PHONE)
    assert (asked.command, "2 builds end with it" in asked.message) == ("STOP", True)
    done = await execute.execute(asked.result["code"], PHONE)
    assert (done.command, done.status) == ("STOP", CommandStatus.EXECUTED)
    assert journal[-2:] == ["finish", "stop"]


async def test_a_restart_is_left_to_the_next_start() -> None:
    journal: list[str] = []
    execute, rows = executor(journal)
    asked = await execute.execute("RESTART", PHONE)
    done = await execute.execute(asked.result["code"], PHONE)
    assert (done.command, done.status) == ("RESTART", CommandStatus.ACCEPTED)
    assert journal[-2:] == ["left open", "restart"]
    assert rows.rows[done.request_id]["command"] == "RESTART"


async def test_a_restart_that_could_not_end_well_is_refused_before_any_code() -> None:
    journal: list[str] = []
    lifecycle = Lifecycle(journal)
    lifecycle.can_restart = False
    execute, _ = executor(journal, lifecycle=lifecycle)
    assert (await execute.execute("RESTART", PHONE)).status is CommandStatus.UNSUPPORTED
    assert "restart" not in journal
