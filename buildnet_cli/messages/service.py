"""The words for our own doings: commands, confirmations, channels, reports; and for whatever else people send through us.

Payloads may hold, of commands: `command`, `principal`, `channel`, `request_id`, `message`; of channels: `answer`, `waiting`,
`for_secs`; of reports: `id`, `name`, `period`, `format`.
"""

from __future__ import annotations

from datetime import timedelta

from buildnet_cli.events.model import Event
from buildnet_cli.messages.facts import Facts, fields_of
from buildnet_cli.messages.model import Message
from buildnet_cli.messages.words import said

_SECOND = timedelta(seconds=1)
_MOST_FIELDS = 8


def command(event: Event, facts: Facts) -> Message:
    """`STOP by Dana (sms) DENIED`."""
    state = event.type.split(".")[1]
    who, channel = facts.text("principal"), facts.text("channel")
    title = " ".join(
        filter(
            None,
            (
                facts.text("command") or event.subject or "command",
                f"by {who}" if who else "",
                f"({channel})" if channel else "",
                state if state == "executed" else state.upper(),
            ),
        )
    )
    fields = fields_of(("Answer", facts.text("message")), ("Request", facts.text("request_id")))
    return Message(event, title, said(event), fields=fields)


def confirmation(event: Event, facts: Facts) -> Message:
    """`confirmation LOCKED for Dana (sms)`."""
    who = facts.text("principal") or event.subject
    channel = facts.text("channel")
    title = "confirmation LOCKED" + (f" for {who}" if who else "") + (f" ({channel})" if channel else "")
    return Message(event, title, said(event), fields=fields_of(("Command", facts.text("command"))))


def channel(event: Event, facts: Facts) -> Message:
    """`channel sms FAILING`, `channel sms recovered`."""
    word = "FAILING" if event.type.endswith(".failing") else "recovered"
    return Message(
        event,
        title=" ".join(filter(None, ("channel", event.subject, word))),
        line=said(event),
        fields=fields_of(
            ("Answer", facts.text("answer")),
            ("Waiting", facts.text("waiting")),
            ("For", facts.duration("for_secs", unit=_SECOND)),
        ),
    )


def report(event: Event, facts: Facts) -> Message:
    """`report daily ready`."""
    return Message(
        event,
        title=" ".join(filter(None, ("report", facts.text("name") or event.subject, "ready"))),
        line=said(event),
        fields=fields_of(
            ("Period", facts.text("period")),
            ("Format", facts.text("format")),
            ("Report", facts.text("id")),
        ),
    )


def plain(event: Event, facts: Facts) -> Message:
    """Any other event: its type and subject, its message, and the plain values of its payload."""
    values = ((_label(name), facts.text(name)) for name in facts.payload)
    return Message(
        event,
        title=f"{event.type} · {event.subject}" if event.subject else event.type,
        line=said(event),
        fields=fields_of(*values)[:_MOST_FIELDS],
        code="\n".join(event.message.strip().splitlines()[1:]),
    )


def _label(name: str) -> str:
    words = " ".join(name.replace("_", " ").replace("-", " ").split())[:40]
    return words[:1].upper() + words[1:] or "(no name)"
