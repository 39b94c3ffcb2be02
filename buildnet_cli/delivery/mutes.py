"""What a person may ask of mutes: it has an end, a reason, and something that it does not mute."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from buildnet_cli.delivery.clean import clean_text
from buildnet_cli.duration import parse_duration
from buildnet_cli.errors import UsageError
from buildnet_cli.events.pattern import Pattern
from buildnet_cli.ids import new_id
from buildnet_cli.routing.memory import Mute

LONGEST: Final = timedelta(days=90)
"""How long one mute may last. What is not wanted for longer belongs into the configuration."""

PREVIEWED: Final = timedelta(days=1)
"""How far back a preview looks."""

_LONGEST_REASON = 300


def read_mute(wanted: Mapping[str, Any], now: datetime) -> Mute:
    """A mute that begins now.

    wanted: `pattern`, `for` (such as `2h`), `reason`, and `subject` if it is about one only.
    Raises UsageError if one of them is missing or wrong, or if nothing would be heard any more.
    """
    unknown = wanted.keys() - {"pattern", "for", "reason", "subject"}
    if unknown:
        raise UsageError(f"a mute has no {sorted(unknown)[0]!r}", hint="it has pattern, for, reason and subject")
    subject = _text(wanted, "subject") or None
    pattern = _pattern(_text(wanted, "pattern"))
    if pattern.text == "*" and subject is None:
        raise UsageError(
            "this would mute everything", hint="mute a narrower pattern, or one subject with --subject", where="pattern"
        )
    reason = clean_text(" ".join(_text(wanted, "reason").split()))
    if not reason:
        raise UsageError("a mute needs a reason", hint="say why, so that others know: --reason 'disk is being replaced'")
    return Mute(new_id("mute"), pattern, now + _length(_text(wanted, "for")), reason[:_LONGEST_REASON], now, subject)


def _text(wanted: Mapping[str, Any], name: str) -> str:
    value = wanted.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UsageError(f'"{name}" must be text', where=name)
    return value.strip()


def _pattern(text: str) -> Pattern:
    try:
        return Pattern.parse(text)
    except ValueError as exc:
        raise UsageError(str(exc), where="pattern") from exc


def _length(text: str) -> timedelta:
    try:
        length = parse_duration(text)
    except ValueError as exc:
        raise UsageError(f"a mute needs an end: {exc}", hint="say for how long: --for 2h", where="for") from exc
    if not timedelta(0) < length <= LONGEST:
        raise UsageError(f"{text} is no length for a mute", hint=f"it may last up to {LONGEST.days} days", where="for")
    return length
