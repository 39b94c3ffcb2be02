"""CACHE STATS and CACHE CLEAR."""

from __future__ import annotations

from buildnet_cli.commands.model import Context, Level, Reply
from buildnet_cli.commands.registry import command
from buildnet_cli.engine.model import CacheStats
from buildnet_cli.engine.size import format_size
from buildnet_cli.errors import UnsupportedError


@command("CACHE STATS", level=Level.READ)
async def stats(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Tell how many artifacts the cache holds, and how much room they take."""
    held = await ctx.engine.cache_stats()
    limit = f" of at most {format_size(held.limit)}" if held.limit is not None else ""
    return Reply(f"The cache holds {_count(held)}, {format_size(held.size)}{limit}", held.as_wire())


@command("CACHE CLEAR", level=Level.ADMIN)
async def clear(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Remove every artifact from the cache.

    It asks back before it does; as long as there is no way to answer, it raises UnsupportedError with what it would remove.
    """
    held = await ctx.engine.cache_stats()
    raise UnsupportedError(
        f"CACHE CLEAR would remove {_count(held)} ({format_size(held.size)}). Nothing has run: confirmation is not supported yet"
    )


def _count(held: CacheStats) -> str:
    return f"{held.artifacts:,} artifact{'' if held.artifacts == 1 else 's'}"
