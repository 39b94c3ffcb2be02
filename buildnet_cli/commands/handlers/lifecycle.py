"""STOP and RESTART."""

from __future__ import annotations

from buildnet_cli.commands.model import CommandStatus, Context, Level, Reply
from buildnet_cli.commands.registry import command


async def would_stop(ctx: Context, words: tuple[str, ...]) -> Reply:
    """What STOP would end."""
    return Reply(f"stop the agent{await _cost(ctx)}; nothing is built, sent or watched until somebody starts it again")


@command("STOP", level=Level.ADMIN, preview=would_stop)
async def stop(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Stop the agent; what waits is kept for its next start."""
    cost = await _cost(ctx)
    return Reply(f"Stopping{cost}; what waits is kept for the next start", {"state": "stopping"}, then=ctx.lifecycle.stop)


async def would_restart(ctx: Context, words: tuple[str, ...]) -> Reply:
    """What RESTART would cut short."""
    ctx.lifecycle.check_restart()
    return Reply(f"stop the agent and start it again{await _cost(ctx)}")


@command("RESTART", level=Level.ADMIN, preview=would_restart)
async def restart(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Stop the agent and start it again; what waits is kept."""
    ctx.lifecycle.check_restart()
    return Reply(
        f"Restarting{await _cost(ctx)}",
        {"state": "restarting"},
        CommandStatus.ACCEPTED,
        then=ctx.lifecycle.restart,
        is_open=True,
    )


async def _cost(ctx: Context) -> str:
    lost = await ctx.lifecycle.prospect()
    return f"; {lost}" if lost else ""
