"""`deliveries`: where every message stands, and what a person may do about it; works without an agent too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from buildnet_cli.cli.app import ExampleCommand, new_app
from buildnet_cli.cli.context import AppContext
from buildnet_cli.cli.output import Column, show_time
from buildnet_cli.errors import NotFoundError, UnreachableError, UsageError

app = new_app(
    "Where every message stands; try again what was given up, or give up what waits.",
    epilog="buildnet-notify deliveries list --failed",
)

Channel = Annotated[str | None, typer.Option("--channel", "-c", metavar="C", help="Only this one, such as sms or webhook:Team.")]

_NOTHING_IS_SENT = "no agent runs: nothing is sent until buildnet-notify agent start"


@app.command(
    name="list",
    cls=ExampleCommand,
    epilog="buildnet-notify deliveries list\nbuildnet-notify deliveries list --failed --channel webhook",
)
def list_(
    ctx: typer.Context,
    failed: Annotated[bool, typer.Option("--failed", help="Only what was given up.")] = False,
    channel: Channel = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="How many.")] = 20,
) -> None:
    """Deliveries, newest first."""
    from buildnet_cli.store import history
    from buildnet_cli.store.database import open_readonly
    from buildnet_cli.store.page import Page

    state: AppContext = ctx.obj
    page: Page[dict[str, Any]] = Page([], None)
    if state.workspace.database.exists():
        with open_readonly(state.workspace.database) as db:
            page = history.deliveries(db, limit=limit, channel=channel, is_failed=failed)
    empty = "Nothing was given up" if failed else "No deliveries yet"
    state.output.rows("deliveries", page.items, _COLUMNS, next_=page.next, empty=empty)


@app.command(cls=ExampleCommand, epilog="buildnet-notify deliveries show dlv_01…")
def show(ctx: typer.Context, id_: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """One delivery, with everything that was tried and answered."""
    from buildnet_cli.channels.advice import advice_on
    from buildnet_cli.store import history
    from buildnet_cli.store.database import open_readonly

    state: AppContext = ctx.obj
    with open_readonly(state.workspace.database) as db:
        found = history.delivery(db, id_)
    if found is None:
        raise _unknown(id_)
    lines = [f"{name}: {value}" for name, value in found.items() if name != "tries" and value not in (None, "", [])]
    lines += [f"try {each['n']}: {each['started_at']} {each['outcome']} {each['answer']}".rstrip() for each in found["tries"]]
    known = None if found["status"] == "delivered" else advice_on(found["channel"], found["answer"], recipient=found["recipient"])
    if known is not None:
        lines += [f"{known.code}: {known.meaning}", f"→ {known.next_step}"]
        found = {**found, "advice": {"code": known.code, "meaning": known.meaning, "next_step": known.next_step}}
    state.output.result("delivery", found, "\n".join(lines))


@app.command(
    cls=ExampleCommand, epilog="buildnet-notify deliveries retry dlv_01…\nbuildnet-notify deliveries retry --failed -c sms"
)
def retry(
    ctx: typer.Context,
    id_: Annotated[str | None, typer.Argument(metavar="ID", help="Which one.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that were given up.")] = False,
    channel: Channel = None,
) -> None:
    """Try again, under the same id: now, if it waits for its next try; anew, if it was given up.

    One is sent at once. With --failed, what is over the rate limits is held and told in a summary.
    """
    state: AppContext = ctx.obj
    if (id_ is None) is not failed:
        raise UsageError("name one delivery, or --failed for all that were given up", hint="buildnet-notify deliveries retry ID")
    if id_ is not None and channel is not None:
        raise UsageError("--channel goes with --failed; an id has one channel already")
    if id_ is not None:
        _change_one(state, "retry", id_, "to be tried again")
        return
    answer = _through_agent(state, "/api/deliveries/retry", {"channel": channel} if channel else {})
    if answer is None:
        from buildnet_cli.cli.explained import rules_of
        from buildnet_cli.store import redrive

        limits = rules_of(state.load_config()).limits
        retried = _on_our_own(state, lambda db, now: [each.as_wire() for each in redrive.retry_failed(db, channel, limits, now)])
        held = sum(each["status"] == "held" for each in retried)
        answer = {"count": len(retried), "held": held, "items": retried, "next": None}
    state.output.result("deliveries", answer, _summary(answer["count"], answer["held"]))


@app.command(cls=ExampleCommand, epilog="buildnet-notify deliveries cancel dlv_01…")
def cancel(ctx: typer.Context, id_: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Give up a delivery that has not been made yet."""
    _change_one(ctx.obj, "cancel", id_, "cancelled")


def _summary(count: int, held: int) -> str:
    if not count:
        return "Nothing was given up"
    text = f"{count - held} deliver{'y' if count - held == 1 else 'ies'} to be tried again"
    return f"{text}; {held} over the rate limits, to be told in a summary" if held else text


def _change_one(state: AppContext, verb: str, id_: str, done: str) -> None:
    if not (id_.isascii() and id_.replace("_", "").isalnum()):
        raise _unknown(id_)
    changed = _through_agent(state, f"/api/deliveries/{id_}/{verb}", {})
    if changed is None:
        from buildnet_cli.store import redrive

        change = redrive.retry if verb == "retry" else redrive.cancel
        changed = _on_our_own(state, lambda db, now: change(db, id_, now).as_wire())
    state.output.result("delivery", changed, f"{changed['id']} to {changed['channel']} {changed['recipient']}: {done}")


def _through_agent(state: AppContext, path: str, body: dict[str, Any]) -> Any:
    """The agent's answer; None if none runs."""
    try:
        return state.agent.post(path, body, timeout_secs=30)
    except UnreachableError as exc:
        from buildnet_cli.api.client import AgentNotRunning

        if isinstance(exc, AgentNotRunning):
            return None
        raise


def _on_our_own(state: AppContext, change: Callable[[Any, Any], Any]) -> Any:
    """Write without an agent, under its lock, so that none starts meanwhile."""
    from datetime import UTC, datetime

    from buildnet_cli.agent.lock import AgentLock
    from buildnet_cli.store.database import open_exclusive

    if not state.workspace.database.exists():
        raise NotFoundError("nothing has been recorded yet", hint="start the agent: buildnet-notify agent start")
    with AgentLock(state.workspace.lock), open_exclusive(state.workspace.database) as db:
        changed = change(db, datetime.now(UTC))
    state.output.note(_NOTHING_IS_SENT)
    return changed


def _unknown(id_: str) -> NotFoundError:
    return NotFoundError(f"there is no delivery {ascii(id_)[:80]}", hint="see: buildnet-notify deliveries list")


_COLUMNS = [
    Column("ID", "id"),
    Column("CHANNEL", "channel"),
    Column("TO", "recipient"),
    Column("STATUS", "status"),
    Column("TRIES", "attempts"),
    Column("NEXT", "next_attempt_at", lambda text: show_time(text)),
    Column("WHY", "reason"),
    Column("ANSWER", "answer"),
]
