"""Who may run what: denial is the default."""

from __future__ import annotations

import pytest

from buildnet_cli.commands.authorise import has_level, may_run
from buildnet_cli.commands.model import Level, Principal
from buildnet_cli.commands.registry import commands

COMMANDS = commands()
READ = {"STATUS", "HISTORY", "HELP", "CACHE STATS", "REPORT", "CONFIG GET", "NODE LIST", "PLUGIN LIST"}
BUILD = {"BUILD", "CANCEL"}
NODES = {"NODE LIST", "NODE ADD", "NODE REMOVE"}
PLUGINS = {"PLUGIN LOAD", "PLUGIN UNLOAD"}
ADMIN = {"CACHE CLEAR", "PAUSE", "RESUME", "STOP", "RESTART", "CONFIG SET", "NODE ADD", "NODE REMOVE", *PLUGINS}


def principal(*permissions: str) -> Principal:
    return Principal("somebody", "api", "id", permissions)


@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [
        ((), set()),
        (("*",), READ | BUILD | ADMIN),
        (("status", "build"), {"STATUS", "BUILD"}),
        (("STATUS",), {"STATUS"}),
        (("level:read",), READ),
        (("level:build",), READ | BUILD),
        (("level:admin",), READ | BUILD | ADMIN),
        (("level:",), set()),
        (("level:root",), set()),
        (("read",), set()),
        (("buil",), set()),
        (("build.*",), set()),
        (("cache.stats",), {"CACHE STATS"}),
        (("cache.*",), {"CACHE STATS", "CACHE CLEAR"}),
        (("node.*",), NODES),
        (("h*",), {"HISTORY", "HELP"}),
    ],
)
def test_permissions_cover_exactly_what_they_name(permissions: tuple[str, ...], allowed: set[str]) -> None:
    assert {name for name, entry in COMMANDS.items() if may_run(principal(*permissions), entry)} == allowed


@pytest.mark.parametrize("permission", ["status", "build", "cancel", "level:reader", "admin"])
def test_a_command_word_is_no_level(permission: str) -> None:
    assert not any(has_level(principal(permission), level) for level in Level)


def test_each_level_includes_those_below() -> None:
    assert [has_level(principal("level:build"), level) for level in (Level.READ, Level.BUILD, Level.ADMIN)] == [True, True, False]
