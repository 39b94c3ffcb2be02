"""The words of answers: what a command came to, and what became of the builds that somebody asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from buildnet_cli.events.model import Event
from buildnet_cli.messages.facts import Facts
from buildnet_cli.messages.model import Message

TYPE: Final = "reply.command"
"""The type of a message that answers somebody; it is no event that others hear of."""

_MOST_NAMED = 8


def reply(event: Event, facts: Facts) -> Message:
    """The first line is the title, the rest the sentence below."""
    title, _, rest = event.message.strip().partition("\n")
    return Message(event, title=title, line=rest.strip(), is_answer=True)


def account_of(ended: Sequence[tuple[str, str]]) -> str:
    """`Your build is done: 5 ok, 1 failed`, and which packages failed.

    ended: packages with how they ended: completed, cached, failed, cancelled or skipped.
    """
    counts = Counter("ok" if status in ("completed", "cached") else status for _, status in ended)
    told = ", ".join(f"{counts[word]} {word}" for word in ("ok", "failed", "cancelled", "skipped") if counts[word])
    failed = [package for package, status in ended if status == "failed"]
    named = ", ".join(failed[:_MOST_NAMED]) + (f" and {len(failed) - _MOST_NAMED} more" if len(failed) > _MOST_NAMED else "")
    return f"Your build is done: {told}" + (f"\nfailed: {named}" if failed else "")
