"""STATUS, HISTORY and HELP: commands that only look."""

from __future__ import annotations

from buildnet_cli.commands.authorise import may_run
from buildnet_cli.commands.model import Context, Level, Reply
from buildnet_cli.commands.registry import command, commands
from buildnet_cli.duration import format_duration
from buildnet_cli.engine.model import Build
from buildnet_cli.errors import UsageError

_MOST_BUILDS = 100
_HINDRANCES = {"paused": ", builds are paused", "unreachable": ", the BuildNet daemon does not answer"}
"""What a state of the engine means for builds."""


@command("STATUS", level=Level.READ)
async def status(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Tell how the engine, the queue and the deliveries stand."""
    now = await ctx.status()
    queue = now["queue"]
    deliveries = now["deliveries"]
    running = ", ".join(build["package"] for build in queue["running"]) or "nothing"
    hindrance = _HINDRANCES.get(now["engine"]["state"], "")
    message = (
        f"{now['state']}{hindrance}: building {running}, {queue['waiting']} waiting; "
        f"deliveries: {deliveries['pending']} pending, {deliveries['dead']} dead"
    )
    return Reply(message, dict(now))


@command("HISTORY", "[count]", level=Level.READ)
async def history(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Show the last builds, ten unless said otherwise."""
    count = words[0] if words else "10"
    if not (count.isascii() and count.isdigit() and len(count) <= 3 and 1 <= int(count) <= _MOST_BUILDS):
        raise UsageError(f"{ascii(count)[:80]} is no count of builds", hint=f"write it as HISTORY 10, at most {_MOST_BUILDS}")
    builds = await ctx.builds.recent(limit=int(count))
    lines = [_line(build) for build in builds] or ["No builds yet"]
    return Reply("\n".join(lines), {"builds": [build.as_wire() for build in builds]})


@command("HELP", level=Level.READ)
async def help_(ctx: Context, words: tuple[str, ...]) -> Reply:
    """List the commands you may use."""
    usable = [entry for entry in commands().values() if may_run(ctx.principal, entry)]
    width = max(len(entry.signature) for entry in usable)
    lines = [f"{entry.signature:<{width}}  {entry.help}" for entry in usable]
    return Reply(
        "\n".join(lines),
        {"commands": [{"command": entry.signature, "level": entry.level.value, "help": entry.help} for entry in usable]},
    )


def _line(build: Build) -> str:
    took = f" in {format_duration(build.duration)}" if build.duration is not None else ""
    why = f": {build.error.headline}" if build.error is not None else ""
    return f"{build.package} {build.status}{took}{why}"
