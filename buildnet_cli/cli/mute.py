"""`mute`: what nobody wants to hear of for a while."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from buildnet_cli.cli.app import ExampleCommand, new_app
from buildnet_cli.cli.context import AppContext
from buildnet_cli.cli.output import Column
from buildnet_cli.clock import from_rfc3339
from buildnet_cli.duration import format_duration
from buildnet_cli.errors import UnreachableError

app = new_app(
    "Keep events quiet for a while; the end of a problem that was told is told when the mute ends.",
    epilog="buildnet-notify mute add 'build.*' --for 2h --reason 'moving the build machine'",
)

_LOCK_WAIT_SECS = 5.0


@app.command(cls=ExampleCommand, epilog="buildnet-notify mute add 'resource.disk.*' --for 2h --reason 'disk is being replaced'")
def add(
    ctx: typer.Context,
    pattern: Annotated[str, typer.Argument(metavar="PATTERN", help="Which events, such as build.* or *.failed.")],
    for_: Annotated[str, typer.Option("--for", metavar="DURATION", help="For how long: 90s, 30m, 2h, 7d.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for those who wonder.")],
    subject: Annotated[str | None, typer.Option("--subject", "-s", help="Only what is about this package, path or host.")] = None,
) -> None:
    """Mute events from now on, and show which of the last day's it would have hidden."""
    state: AppContext = ctx.obj
    wanted = {"pattern": pattern, "for": for_, "reason": reason, "subject": subject}
    try:
        added = state.agent.post("/api/mutes", wanted)
    except UnreachableError:
        added = _add_here(state, wanted)
    state.output.result("mute", added, _told_of(added))


@app.command(name="list", cls=ExampleCommand, epilog="buildnet-notify mute list")
def list_(ctx: typer.Context) -> None:
    """The mutes that have not ended."""
    from buildnet_cli.store import mutes
    from buildnet_cli.store.database import open_readonly

    state: AppContext = ctx.obj
    rows: list[dict[str, Any]] = []
    if state.workspace.database.exists():
        with open_readonly(state.workspace.database) as db:
            rows = [mutes.as_wire(mute) for mute in mutes.active(db, datetime.now(UTC))]
    state.output.rows("mutes", rows, _COLUMNS, empty="Nothing is muted")


@app.command(cls=ExampleCommand, epilog="buildnet-notify mute remove mute_01…")
def remove(ctx: typer.Context, mute: Annotated[str, typer.Argument(metavar="ID", help="As shown by mute list.")]) -> None:
    """End a mute now."""
    state: AppContext = ctx.obj
    try:
        removed = state.agent.post(f"/api/mutes/{_quoted(mute)}/remove")
    except UnreachableError:
        removed = _remove_here(state, mute)
    state.output.result("mute", removed, f"{removed['pattern']} is heard again")


def _add_here(state: AppContext, wanted: dict[str, Any]) -> dict[str, Any]:
    from buildnet_cli.delivery.mutes import read_mute
    from buildnet_cli.store import mutes

    mute = read_mute(wanted, datetime.now(UTC))
    return _write(state, lambda db: mutes.add_and_preview(db, mute, "cli"))


def _remove_here(state: AppContext, mute: str) -> dict[str, Any]:
    from buildnet_cli.store import mutes

    return _write(state, lambda db: mutes.as_wire(mutes.remove(db, mute, datetime.now(UTC))))


def _write(state: AppContext, operation: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """Write in place of an agent, holding its lock. Raises ConflictError if there is one after all, that does not answer."""
    from buildnet_cli.agent.lock import AgentLock
    from buildnet_cli.paths import prepare_state
    from buildnet_cli.store.database import open_exclusive

    prepare_state(state.workspace.state)
    lock = AgentLock(state.workspace.lock)
    lock.acquire(wait_secs=_LOCK_WAIT_SECS)
    try:
        with open_exclusive(state.workspace.database) as db:
            return operation(db)
    finally:
        lock.release()


def _told_of(mute: dict[str, Any]) -> str:
    about = f" about {mute['subject']}" if mute["subject"] else ""
    hidden = mute["would_have_hidden"]
    counts = ", ".join(f"{type_} ×{count}" for type_, count in hidden.items())
    preview = f"in the last day it would have hidden {sum(hidden.values())}: {counts}" if hidden else "nothing of the last day"
    return f"{mute['id']}: {mute['pattern']}{about} muted until {_until(mute['until'])} · {preview}"


def _until(text: str) -> str:
    moment = from_rfc3339(text)
    return f"{moment.astimezone():%a %d %b %H:%M} (in {format_duration(moment - datetime.now(UTC))})"


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


_COLUMNS = [
    Column("PATTERN", "pattern"),
    Column("SUBJECT", "subject"),
    Column("UNTIL", "until", _until),
    Column("REASON", "reason"),
    Column("ID", "id"),
]
