"""CONFIG GET and CONFIG SET."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from buildnet_cli.commands.model import Context, Level, Reply
from buildnet_cli.commands.registry import command


@command("CONFIG GET", "[key]", level=Level.READ)
async def get(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Show one value or section of the configuration, secrets masked."""
    key = words[0] if words else ""
    value = ctx.settings.value(key)
    if not key:
        return Reply(f"Sections: {', '.join(value)}; send CONFIG GET and one of them", {"key": "", "value": value})
    return Reply(f"{key} = {_shown(value)}", {"key": key, "value": value})


async def would_set(ctx: Context, words: tuple[str, ...]) -> Reply:
    """What CONFIG SET would change."""
    change = await ctx.settings.would_set(words[0], " ".join(words[1:]), is_remote=not ctx.principal.is_local)
    return Reply(f"change {_told(change)}", change)


@command("CONFIG SET", "key value...", level=Level.ADMIN, preview=would_set, is_masked=True)
async def set_(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Change one value of the configuration, at once and for good.

    Who may ask, secrets, addresses, paths and plugins are not changed from afar.
    """
    change = await ctx.settings.set(words[0], " ".join(words[1:]), is_remote=not ctx.principal.is_local)
    return Reply(f"Changed {_told(change)}; in force", change)


def _told(change: Mapping[str, Any]) -> str:
    return f"{change['key']} from {_shown(change['before'])} to {_shown(change['after'])}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
