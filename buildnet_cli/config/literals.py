"""Credentials that were written into the file itself, and the names under which they may be kept instead."""

from __future__ import annotations

import re

from buildnet_cli.config.loader import Loaded
from buildnet_cli.config.origin import KeyPath

# What every path begins with, and says nothing.
_UNSAID = frozenset(("notifications", "channels", "remote_control", "authentication"))


def names_of(loaded: Loaded) -> dict[KeyPath, str]:
    """A `${NAME}` for each literal credential: `SLACK_BOT_TOKEN`, `WEBHOOKS_TEAM_URL`; each given once."""
    names: dict[KeyPath, str] = {}
    for path in loaded.literals:
        name = wanted = _name_of(loaded, path)
        number = 2
        while name in names.values() or name in loaded.names:
            name = f"{wanted}_{number}"
            number += 1
        names[path] = name
    return names


def _name_of(loaded: Loaded, path: KeyPath) -> str:
    words = []
    for depth, part in enumerate(path):
        if isinstance(part, int):
            entry = loaded.origins.root.at((*path[: depth + 1], "name"))
            words.append(str(entry.value) if entry is not None else str(part + 1))
        elif part not in _UNSAID:
            words.append(part)
    name = re.sub(r"[^A-Za-z0-9]+", "_", " ".join(words)).strip("_").upper()
    return name if not name[:1].isdigit() else f"SECRET_{name}"
