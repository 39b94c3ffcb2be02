"""BUILD and CANCEL."""

from __future__ import annotations

from buildnet_cli.clock import to_rfc3339
from buildnet_cli.commands.model import CommandStatus, Context, Level, Reply
from buildnet_cli.commands.registry import command


@command("BUILD", "[package]", level=Level.BUILD)
async def build(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Queue a build of one package, or of all.

    Raises NotFoundError if the engine knows no such package.
    """
    package = words[0] if words else None
    ticket = await ctx.engine.enqueue(package, requested_by=str(ctx.principal))
    what = f"package '{package}'" if package is not None else f"all {len(ticket.builds)} packages"
    is_paused = (await ctx.engine.status()).state == "paused"
    waits = "; it waits for RESUME, because builds are paused" if is_paused else ""
    return Reply(f"Build queued for {what}{waits}", ticket.as_result(), CommandStatus.ACCEPTED)


@command("CANCEL", "id", level=Level.BUILD)
async def cancel(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Cancel a queued or running build, by its id or its package.

    Raises NotFoundError if there is none, ConflictError if it is finished.
    """
    builds = await ctx.engine.cancel(words[0], requested_by=str(ctx.principal))
    ended = [{"id": build.id, "package": build.package, "status": build.status.value} for build in builds]
    names = ", ".join(sorted({build.package for build in builds}))
    return Reply(f"Cancelled {names}", {"builds": ended, "cancelled_at": to_rfc3339(ctx.clock.now())})
