"""Why somebody gets a mail, and what to do about it. Pure."""

from __future__ import annotations

from buildnet_cli.config.recipient import Recipient
from buildnet_cli.delivery.model import OutgoingMessage
from buildnet_cli.events.catalog import Turn
from buildnet_cli.events.incident import turn_of
from buildnet_cli.messages import digest
from buildnet_cli.messages.model import Tone


def reason_of(message: OutgoingMessage, recipient: Recipient) -> str:
    """One sentence: the rule that led to this mail."""
    event, who = message.message.event, recipient.name
    if message.message.is_test:
        return f"You get this because somebody sent a test to {who}."
    if event.type.startswith(digest.PREFIX):
        return f"You get this because several messages for {who} had to wait, and now come as one."
    if message.message.is_answer:
        return "You get this because you asked for it."
    rule = next((pattern for pattern in recipient.patterns if pattern.matches(event.type, event.priority)), None)
    if rule is not None:
        return f'You get this because {who} is configured to hear "{rule.text}".'
    if turn_of(event) is Turn.CLOSES:
        return f"You get this because {who} was told of the problem that is over now."
    return f"You get this because it was sent to {who}."


def commands_of(message: OutgoingMessage) -> tuple[tuple[str, str], ...]:
    """What to type in a terminal to learn more, or to hear less: label and command."""
    event = message.message.event
    if message.message.is_test or message.message.is_answer or event.type.startswith(digest.PREFIX):
        return ()
    decision = ("Every step of the decision", f"buildnet-notify why {event.id}")
    if message.message.tone is Tone.GOOD:
        return (decision,)
    return (decision, ("Silence for two hours", f"buildnet-notify mute add {event.type} --for 2h --reason TEXT"))


def facts_of(message: OutgoingMessage, host: str) -> str:
    """`build.failed · high · ci-01 · 2024-01-26 12:00 UTC`."""
    event = message.message.event
    return " · ".join(filter(None, (event.type, event.priority.value, host, f"{event.timestamp:%Y-%m-%d %H:%M} UTC")))
