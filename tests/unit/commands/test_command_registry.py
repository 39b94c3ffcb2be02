"""The list of commands, against the words that the configuration takes for permissions."""

from __future__ import annotations

from buildnet_cli.commands.registry import ALIASES, commands
from buildnet_cli.config.permission import COMMANDS


def test_every_command_that_can_be_permitted_is_there() -> None:
    assert sorted(commands()) == sorted(COMMANDS)


def test_a_command_demands_the_level_that_the_configuration_names_for_it() -> None:
    assert {name: command.level.value for name, command in commands().items()} == {
        name: level.value for name, level in COMMANDS.items()
    }


def test_an_alias_is_no_command_of_its_own_and_means_one() -> None:
    assert not ALIASES.keys() & COMMANDS.keys()
    assert set(ALIASES.values()) <= COMMANDS.keys()
