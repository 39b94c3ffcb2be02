"""A message as Discord shows it, whether a bot posts it or a webhook. Pure.

Source: Discord "Message" and "Webhook" resources: title 256, description 4,096, 25 fields of 256 and 1,024, footer 2,048, 6,000
in all. `allowed_mentions` with an empty `parse` is what keeps any text from pinging anybody.
"""

from __future__ import annotations

from typing import Any

from buildnet_cli.channels.colours import COLOURS
from buildnet_cli.clock import to_rfc3339
from buildnet_cli.messages.facts import one_line
from buildnet_cli.messages.fit import drop_unsafe, fit, fit_tail
from buildnet_cli.messages.model import Message

# With all of these used up, the embed stays below 6,000.
_TITLE = 256
_WAS = 120
_LINE = 1_000
_CODE = 1_500
_LABEL = 60
_VALUE = 250
_MOST_FIELDS = 8
_FOOTER = 300

_MARKDOWN = frozenset("\\*_~`|>#-[]()<")
_ZERO_WIDTH_SPACE = "\u200b"


def body(message: Message) -> dict[str, Any]:
    """`{embeds: [one], allowed_mentions}`."""
    event = message.event
    description = _text(message.line, _LINE)
    if message.was:
        description = f"~~{_text(one_line(message.was), _WAS)}~~\n{description}"
    if message.code:
        code = fit_tail(drop_unsafe(message.code).replace("```", "'''"), _CODE)
        description += f"\n```\n{code}\n```"
    footer = {"footer": {"text": fit(drop_unsafe(" · ".join(message.origin)), _FOOTER)}} if message.origin else {}
    embed: dict[str, Any] = {
        "title": _text(one_line(message.headline), _TITLE),
        "description": description,
        "color": COLOURS[message.tone],
        "fields": [_field(field.label, field.value, is_short=field.is_short) for field in message.fields[:_MOST_FIELDS]],
        **footer,
        "timestamp": to_rfc3339(event.timestamp),
    }
    if message.actions:
        embed["fields"].append(_field("Commands", " · ".join(message.actions), is_short=False))
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def _field(label: str, value: str, *, is_short: bool) -> dict[str, Any]:
    # Discord trims both, and refuses the whole message if nothing is left of one.
    return {
        "name": _text(label, _LABEL).strip() or _ZERO_WIDTH_SPACE,
        "value": _text(value, _VALUE).strip() or _ZERO_WIDTH_SPACE,
        "inline": is_short,
    }


def escape(char: str) -> str:
    """One character as plain text in Discord's Markdown."""
    if char == "@":
        return f"@{_ZERO_WIDTH_SPACE}"
    return f"\\{char}" if char in _MARKDOWN else char


def _text(text: str, limit: int) -> str:
    return fit(drop_unsafe(text), limit, escape)
