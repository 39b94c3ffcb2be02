"""A command that was executing when the agent ended is told of, and not run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildnet_cli.commands.audit import Request
from buildnet_cli.store import commands
from buildnet_cli.store.commands import StoredCommands
from buildnet_cli.store.database import Store, open_readonly
from tests.support.clocks import START
from tests.support.commands import FixedSeals

pytestmark = pytest.mark.integration


async def test_what_was_executing_is_closed_as_interrupted_and_the_rest_is_left_alone(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "notify.db")
    log = StoredCommands(store, FixedSeals())

    def request(id_: str) -> Request:
        return Request(id_, "2024-01-26T12:00:00.000Z", "BUILD api", "socket", "uid 0")

    await log.begin(request("req_ended"), "local")
    await log.finish("req_ended", command="BUILD api", status="accepted", result={}, message="Build queued", finished_at=START)
    await log.begin(request("req_broken_off"), "local")

    await log.interrupt_unfinished(START)
    store.close()

    with open_readonly(tmp_path / "notify.db") as db:
        found = {row["request_id"]: (row["status"], row["finished_at"] is not None) for row in commands.page(db).items}
    assert found == {"req_ended": ("accepted", True), "req_broken_off": ("interrupted", True)}
