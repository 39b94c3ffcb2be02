"""Who may do what. One function for every channel; what it does not name is denied."""

from __future__ import annotations

from fnmatch import fnmatchcase

from buildnet_cli.commands.model import Level, Principal
from buildnet_cli.commands.registry import Command


def may_run(principal: Principal, command: Command) -> bool:
    """Whether a principal's permissions cover a command: `*`, its word, a glob such as `node.*`, or its level."""
    return has_level(principal, command.level) or any(
        fnmatchcase(command.permission, permission.lower())
        for permission in principal.permissions
        if permission != "*" and not permission.startswith("level:")
    )


def has_level(principal: Principal, level: Level) -> bool:
    """Whether a principal stands at a level or above it. A list of command words never amounts to a level."""
    for permission in principal.permissions:
        if permission == "*":
            return True
        prefix, _, name = permission.partition(":")
        if prefix == "level" and name in Level.__members__.values() and Level(name).rank >= level.rank:
            return True
    return False
