"""BUILD and CANCEL."""

from __future__ import annotations

from collections.abc import Sequence

from buildnet_cli.clock import to_rfc3339
from buildnet_cli.commands.model import CommandStatus, Context, Level, Reply
from buildnet_cli.commands.registry import command
from buildnet_cli.engine.model import Build, BuildStatus
from buildnet_cli.errors import UsageError

_FORCE = "--force"
_WAITS = {
    "paused": "; it waits for RESUME, because builds are paused",
    "unreachable": "; it waits for the BuildNet daemon, which does not answer",
}
"""By the state of the engine, why a build does not begin."""


@command("BUILD", "[package] [--force]", level=Level.BUILD)
async def build(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Queue a build of one package, or of all; --force builds it whatever the cache holds.

    Raises UsageError for other words than these, NotFoundError if the engine knows no such package.
    """
    names = [word for word in words if not word.startswith("-")]
    options = {word.lower() for word in words if word.startswith("-")}
    if len(names) > 1 or not options <= {_FORCE}:
        odd = names[1] if len(names) > 1 else min(options - {_FORCE})
        raise UsageError(f"BUILD takes no {ascii(odd)[:80]}", hint="write it as BUILD [package] [--force]")
    package = names[0] if names else None
    ticket = await ctx.engine.enqueue(package, requested_by=str(ctx.principal), is_forced=_FORCE in options)
    if ctx.reply_to is not None:
        wanted = next((build.id for build in ticket.builds if build.package == package), "")
        await ctx.answers.expect(ctx.request_id, ticket.run_id, wanted, ctx.reply_to)
    what = f"package '{package}'" if package is not None else f"all {len(ticket.builds)} packages"
    waits = _WAITS.get((await ctx.engine.status()).state, "")
    return Reply(f"Build queued for {what}{waits}", ticket.as_result(), CommandStatus.ACCEPTED)


@command("CANCEL", "id", level=Level.BUILD)
async def cancel(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Cancel a queued or running build, by its id, its run or its package.

    Raises NotFoundError if there is none, ConflictError if it is finished.
    """
    builds = await ctx.engine.cancel(words[0], requested_by=str(ctx.principal))
    ended = [{"id": build.id, "package": build.package, "status": build.status.value} for build in builds]
    cancelled, over = _names(builds, is_cancelled=True), _names(builds, is_cancelled=False)
    said = f"Cancelled {cancelled}" if cancelled else "Nothing was left to cancel"
    return Reply(
        f"{said}; {over} had ended by then" if over else said, {"builds": ended, "cancelled_at": to_rfc3339(ctx.clock.now())}
    )


def _names(builds: Sequence[Build], *, is_cancelled: bool) -> str:
    return ", ".join(sorted({build.package for build in builds if (build.status is BuildStatus.CANCELLED) is is_cancelled}))
