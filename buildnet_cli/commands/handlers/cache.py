"""CACHE STATS and CACHE CLEAR."""

from __future__ import annotations

from buildnet_cli.commands.model import Context, Level, Reply
from buildnet_cli.commands.registry import command
from buildnet_cli.engine.model import CacheStats
from buildnet_cli.engine.size import format_size


@command("CACHE STATS", level=Level.READ)
async def stats(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Tell how many artifacts the cache holds, and how much room they take."""
    held = await ctx.engine.cache_stats()
    limit = f" of at most {format_size(held.limit)}" if held.limit is not None else ""
    return Reply(f"The cache holds {_count(held)}, {format_size(held.size)}{limit}", held.as_wire())


async def would_clear(ctx: Context, words: tuple[str, ...]) -> Reply:
    """What CACHE CLEAR would do now."""
    held = await ctx.engine.cache_stats()
    return Reply(f"remove {_count(held)} ({format_size(held.size)})", _amount(held))


@command("CACHE CLEAR", level=Level.ADMIN, preview=would_clear)
async def clear(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Remove every artifact from the cache that no build is using."""
    removed = await ctx.engine.cache_clear()
    return Reply(f"Cache cleared: {_count(removed)} removed, {format_size(removed.size)} freed", _amount(removed))


def _count(held: CacheStats) -> str:
    return f"{held.artifacts:,} artifact{'' if held.artifacts == 1 else 's'}"


def _amount(stats: CacheStats) -> dict[str, int]:
    return {"artifacts": stats.artifacts, "size_bytes": stats.size}
