"""Who may run what, from where: every command, for every permission that can be written, on every channel."""

from __future__ import annotations

import itertools

import pytest

from buildnet_cli.commands.authorise import may_run
from buildnet_cli.commands.confirm import Policy
from buildnet_cli.commands.model import CommandStatus, Level, Principal
from buildnet_cli.commands.registry import Command, commands
from buildnet_cli.config.permission import COMMANDS as DESIGNED
from buildnet_cli.config.permission import CONFIRMED
from buildnet_cli.config.remote_control import InboundRateLimit, RemoteControl
from tests.support.commands import executor

CHANNELS = ("socket", "api", "sms", "email", "slack", "discord", "telegram")
BY_MESSAGE = ("sms", "email", "slack", "discord", "telegram")
STRONGEST = ("CONFIG SET", "NODE ADD", "PLUGIN LOAD")
HELD = {
    "nothing": ((), ()),
    "read": (("level:read",), (Level.READ,)),
    "build": (("level:build",), (Level.READ, Level.BUILD)),
    "admin": (("level:admin",), tuple(Level)),
    "everything": (("*",), tuple(Level)),
}
ARGUMENTS = {
    "BUILD": "api",
    "CANCEL": "build_0",
    "CONFIG GET": "batch_max",
    "CONFIG SET": "batch_max 60",
    "NODE ADD": "https://node.example.com",
    "NODE REMOVE": "node_1",
    "PLUGIN LOAD": "one",
    "PLUGIN UNLOAD": "one",
}
# What a command that was let through comes to in this world of one package.
ENDS = {"REPORT", "NODE ADD", "NODE REMOVE", "PLUGIN LOAD", "PLUGIN UNLOAD"}
PLENTY = InboundRateLimit(read_per_minute=100_000, build_per_minute=100_000, admin_per_minute=100_000)
CELLS = list(itertools.product(sorted(commands()), HELD, CHANNELS))


def asks_back(name: str, channel: str) -> bool:
    return name in CONFIRMED or (name in STRONGEST and channel in BY_MESSAGE)


def test_the_matrix_is_as_large_as_it_should_be() -> None:
    assert len(commands()) == 20
    assert len(CELLS) >= 500


@pytest.mark.parametrize(("name", "held", "channel"), CELLS, ids=["-".join(cell).replace(" ", "_") for cell in CELLS])
async def test_a_cell_is_as_designed(name: str, held: str, channel: str) -> None:
    permissions, levels = HELD[held]
    journal: list[str] = []
    policy = Policy.from_config(RemoteControl())
    execute, _ = executor(journal, policy=policy, limits=PLENTY)
    text = f"{name} {ARGUMENTS.get(name, '')}".strip()
    result = await execute.execute(text, Principal("somebody", channel, "id", permissions))
    did = [entry for entry in journal if entry not in ("begin", "finish", "left open")]
    if DESIGNED[name] not in levels:
        assert (result.status, did) == (CommandStatus.DENIED, [])
    elif asks_back(name, channel):
        assert (result.status, did) == (CommandStatus.CONFIRMATION_REQUIRED, [])
    elif name in ENDS:
        assert (result.status, did) == (CommandStatus.UNSUPPORTED, [])
    else:
        expected = {"BUILD": CommandStatus.ACCEPTED, "CANCEL": CommandStatus.FAILED}.get(name, CommandStatus.EXECUTED)
        assert result.status is expected


@pytest.mark.parametrize("command", commands().values(), ids=list(commands()))
@pytest.mark.parametrize("word", sorted({command.permission for command in commands().values()}))
def test_a_word_permits_its_own_command_and_no_other(word: str, command: Command) -> None:
    assert may_run(Principal("somebody", "telegram", "1", (word,)), command) is (word == command.permission)
