"""What `doctor` says of channels: whether each can send, and what keeps it from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from buildnet_cli.cli.channels import notes_on, read_channels
from buildnet_cli.cli.check import Check
from buildnet_cli.cli.context import AppContext
from buildnet_cli.cli.output import show_time
from buildnet_cli.errors import BuildNetError

if TYPE_CHECKING:
    from buildnet_cli.agent.channel_facts import ChannelFacts, RecipientFacts
    from buildnet_cli.config.problems import Problem


def check_channels(state: AppContext) -> Iterator[Check]:
    """One check for each channel that is on; none if the configuration cannot be read, of which another check tells."""
    from buildnet_cli.channels.registry import check

    try:
        found = [facts for facts in read_channels(state) if facts.is_on]
        problems = check(state.load_config())
    except BuildNetError:
        return
    for facts in found:
        yield _check(state, facts)
        yield from (_problem(facts.name, each) for each in problems if _is_about(facts.name, each))


def _check(state: AppContext, facts: ChannelFacts) -> Check:
    name, fact = f"channel {facts.name}", f"{_count(facts)}, credential {facts.credential}"
    if facts.state == "not supported yet":
        return Check(
            name, "note", "configured, but this version cannot send through it", "turn it off, or wait for a later version"
        )
    if not facts.recipients:
        return Check(name, "note", "on, but nobody hears through it", "add a recipient: buildnet-notify config edit")
    if facts.troubled is not None:
        return _trouble(facts, facts.troubled)
    try_it = f"buildnet-notify send-test --channel {facts.name}"
    notes = "; ".join(notes_on(state, facts))
    if facts.state == "untried":
        return Check(name, "note", f"{fact}, nothing delivered yet" + (f"; {notes}" if notes else ""), try_it)
    last = max(each.delivered_at for each in facts.recipients if each.delivered_at is not None)
    return Check(name, "ok", f"{fact}, last delivered {show_time(last.isoformat())}" + (f"; {notes}" if notes else ""))


def _trouble(facts: ChannelFacts, troubled: RecipientFacts) -> Check:
    from buildnet_cli.channels.advice import advice_on

    since = f" since {show_time(troubled.since.isoformat())}" if troubled.since is not None else ""
    fact = f"{troubled.recipient.name} {troubled.state}{since}: {troubled.answer}"
    known = advice_on(facts.name, troubled.answer, recipient=troubled.recipient.name)
    if known is None:
        return Check(f"channel {facts.name}", "failed", fact, f"buildnet-notify send-test --channel {facts.name}")
    return Check(f"channel {facts.name}", "failed", f"{fact} ({known.meaning})", known.next_step)


def _problem(channel: str, problem: Problem) -> Check:
    return Check(f"channel {channel}", "failed", f"{problem.where}: {problem.message}", problem.hint)


def _is_about(channel: str, problem: Problem) -> bool:
    return problem.path.startswith(f"notifications.channels.{'webhooks' if channel == 'webhook' else channel}")


def _count(facts: ChannelFacts) -> str:
    number = len(facts.recipients)
    return f"{number} recipient{'' if number == 1 else 's'}"
