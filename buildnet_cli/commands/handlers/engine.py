"""PAUSE and RESUME."""

from __future__ import annotations

from buildnet_cli.commands.model import Context, Level, Reply
from buildnet_cli.commands.registry import command


@command("PAUSE", level=Level.ADMIN)
async def pause(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Begin no more builds; those that run go on to their end.

    It lasts until RESUME, restarts included. New requests are queued.
    """
    running = await ctx.engine.pause()
    on = f"{_count(running)} to the end" if running else "nothing is building"
    return Reply(f"Paused: {on}; new requests wait until RESUME", {"state": "paused", "running": running})


@command("RESUME", level=Level.ADMIN)
async def resume(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Begin builds again after PAUSE."""
    waiting = await ctx.engine.resume()
    return Reply(f"Resumed: {waiting} waiting", {"state": "running", "waiting": waiting})


def _count(running: int) -> str:
    return "1 build runs on" if running == 1 else f"{running} builds run on"
