"""`channels`: the ways to reach people, and whether they work; read from the files, with an agent and without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from buildnet_cli.cli.app import ExampleCommand, new_app
from buildnet_cli.cli.context import AppContext
from buildnet_cli.cli.output import Column, show_time

if TYPE_CHECKING:
    from buildnet_cli.agent.channel_facts import ChannelFacts

app = new_app("The ways to reach people, and whether they work.", epilog="buildnet-notify channels list")


@app.command(name="list", cls=ExampleCommand, epilog="buildnet-notify channels list")
def list_(ctx: typer.Context) -> None:
    """Every channel: whether it is on, how many hear through it, whether it has its credential, and how it does."""
    state: AppContext = ctx.obj
    rows = [facts.as_wire() for facts in read_channels(state)]
    state.output.rows("channels", rows, _COLUMNS, below=lambda row: _explained(row["name"], row["answer"]))


@app.command(cls=ExampleCommand, epilog="buildnet-notify channels show slack")
def show(ctx: typer.Context, channel: Annotated[str, typer.Argument(metavar="NAME", help="A channel or a recipient.")]) -> None:
    """One channel, with everybody who hears through it. Credentials are named, never shown."""
    state: AppContext = ctx.obj
    facts = _find(state, channel)
    wire = facts.as_wire()
    lines = [f"{facts.name}: {facts.state}", *(f"  {key:<24} {value}" for key, value in facts.credentials.items())]
    if facts.lacking:
        lines.append(f"  {facts.credential}")
    for row in wire["recipients"]:
        lines += [f"{row['name']} ({row['address']}): {_standing(row)}", f"  hears {', '.join(row['events'])}"]
        lines += [f"  {line}" for line in _explained(facts.name, row["answer"]).splitlines()]
    if not facts.recipients:
        lines.append("nobody hears through it")
    lines += [f"note: {note}" for note in notes_on(state, facts)]
    state.output.result("channel", wire, "\n".join(lines))


def read_channels(state: AppContext) -> list[ChannelFacts]:
    """Every channel as the configuration and the database tell of it. Raises ConfigError if the configuration is wrong."""
    from buildnet_cli.agent.channel_facts import Past, channel_facts
    from buildnet_cli.store import breakers, deliveries
    from buildnet_cli.store.database import open_readonly

    past = Past()
    if state.workspace.database.exists():
        with open_readonly(state.workspace.database) as db:
            past = Past(breakers.load(db), deliveries.delivered_at(db))
    return channel_facts(state.load_config(), past)


def notes_on(state: AppContext, facts: ChannelFacts) -> list[str]:
    """What a person who sets the channel up has to know."""
    from buildnet_cli.channels.advice import CARRIER_KEYWORDS, PREPARATION

    sms = state.load_config().config.notifications.channels.sms
    notes = [PREPARATION[facts.name]] if facts.name in PREPARATION else []
    return [*notes, CARRIER_KEYWORDS] if facts.name == "sms" and sms is not None and sms.keywords == "carrier" else notes


def _find(state: AppContext, word: str) -> ChannelFacts:
    """The channel of that name, or the one of the recipient of that name. Raises UsageError if there is neither."""
    from buildnet_cli.config.recipient import canonical_channel
    from buildnet_cli.errors import UsageError

    everything = {facts.name: facts for facts in read_channels(state)}
    try:
        return everything[canonical_channel(word)]
    except ValueError as exc:
        found = state.load_config().config.notifications.find_recipients(word)
        if not found:
            raise UsageError(str(exc), hint="see: buildnet-notify channels list", where="NAME") from None
        return everything[found[0].channel]


def _explained(channel: str, answer: str) -> str:
    from buildnet_cli.channels.advice import advice_on

    known = advice_on(channel, answer) if answer else None
    return f"{answer}\n→ {known.meaning}: {known.next_step}" if known is not None else answer


def _standing(row: Mapping[str, Any]) -> str:
    since = f" since {show_time(row['since'])}" if row["since"] else ""
    last = f", last delivered {show_time(row['last_delivered_at'])}" if row["last_delivered_at"] else ""
    return f"{row['state']}{since}{last}"


_COLUMNS = [
    Column("CHANNEL", "name"),
    Column("STATE", "state"),
    Column("RECIPIENTS", "recipients", lambda found: str(len(found))),
    Column("CREDENTIAL", "credential"),
    Column("LAST DELIVERED", "last_delivered_at", lambda text: show_time(text)),
]
