"""The words that say what somebody may ask for. The registry of commands must offer exactly these; a test compares them."""

from __future__ import annotations

import enum
import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from buildnet_cli.config.fields import as_line, did_you_mean, shown


class Level(enum.StrEnum):
    """How much a command can do; each level includes those before it."""

    READ = "read"
    BUILD = "build"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """0 for read to 2 for admin."""
        return list(Level).index(self)


COMMANDS: Final = {
    "STATUS": Level.READ,
    "BUILD": Level.BUILD,
    "CANCEL": Level.BUILD,
    "CACHE STATS": Level.READ,
    "CACHE CLEAR": Level.ADMIN,
    "HISTORY": Level.READ,
    "REPORT": Level.READ,
    "CONFIG GET": Level.READ,
    "CONFIG SET": Level.ADMIN,
    "PAUSE": Level.ADMIN,
    "RESUME": Level.ADMIN,
    "STOP": Level.ADMIN,
    "RESTART": Level.ADMIN,
    "NODE LIST": Level.READ,
    "NODE ADD": Level.ADMIN,
    "NODE REMOVE": Level.ADMIN,
    "PLUGIN LIST": Level.READ,
    "PLUGIN LOAD": Level.ADMIN,
    "PLUGIN UNLOAD": Level.ADMIN,
    "HELP": Level.READ,
}
"""Every command and its level. Source: the specification's table; HELP is Read."""

CONFIRMED: Final = ("CACHE CLEAR", "STOP", "RESTART", "NODE REMOVE", "PLUGIN UNLOAD")
"""Commands that ask back unless configured otherwise. Source: the specification's full configuration example."""

CONFIRMED_FROM_AFAR: Final = ("CONFIG SET", "NODE ADD", "PLUGIN LOAD")
"""Commands that ask back as well when they come by text message, mail or chat: the strongest of all."""


def _as_command(value: Any) -> str:
    text = " ".join(as_line(value).split()).upper()
    if text not in COMMANDS:
        raise ValueError(f"{shown(value)} is no command{did_you_mean(text, COMMANDS) or '; see buildnet-notify cmd HELP'}")
    return text


CommandName = Annotated[str, BeforeValidator(_as_command)]
"""A command as HELP lists it, such as `CACHE CLEAR`."""

_WORDS: Final = frozenset(name.lower().replace(" ", ".") for name in COMMANDS)
_GROUPS: Final = frozenset(f"{word.split('.')[0]}.*" for word in _WORDS if "." in word)
_LEVELS: Final = frozenset(f"level:{level}" for level in Level)


def _as_permission(value: Any) -> str:
    word = re.sub(r"\s+", ".", as_line(value).strip()).lower()
    known = {"*"} | _WORDS | _GROUPS | _LEVELS
    if word not in known:
        near = did_you_mean(word, known)
        raise ValueError(
            f"{shown(value)} is no permission{near or '; use *, a command such as status, a group such as node.*, or level:read'}"
        )
    return word


Permission = Annotated[str, BeforeValidator(_as_permission)]
"""`*`, a command (`status`, `cache.clear`), a group of them (`node.*`), or `level:read|build|admin`."""
