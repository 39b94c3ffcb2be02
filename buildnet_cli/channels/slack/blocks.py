"""A message as Slack shows it, whether a bot posts it or an incoming webhook. Pure.

Source: Slack "Formatting text for app surfaces" (escape & < >), "Block Kit" (header 150, section 3,000, fields 10 × 2,000) and
"Truncating content" (text 4,000). Only an attachment has a colour. All blocks together stay below 10,000 characters; near 13,200
Slack refuses them.
"""

from __future__ import annotations

from typing import Any

from buildnet_cli.channels.colours import COLOURS
from buildnet_cli.messages.facts import one_line
from buildnet_cli.messages.fit import drop_unsafe, fit, fit_tail
from buildnet_cli.messages.model import Field, Message

_HEADER = 150
_TEXT = 3_500
_SHORT_TEXT = 1_000
_LINE = 1_000
_FIELD = 300
_LONG_FIELD = 600
_CODE = 2_500
_MOST_SHORT = 10
_MOST_LONG = 3

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def body(message: Message) -> dict[str, Any]:
    """`{text, blocks, attachments}`: a header, and below it a coloured bar with the rest.

    `text` is what notifications and screen readers tell.
    """
    headline = one_line(message.headline)
    below = {
        "color": f"#{COLOURS[message.tone]:06X}",
        "fallback": fit(_tame(headline), _HEADER, escape),
        "blocks": _below(message),
    }
    return {
        "text": plain_text(message, _TEXT),
        "blocks": [{"type": "header", "text": _plain(headline, _HEADER)}],
        "attachments": [below],
    }


def plain_text(message: Message, limit: int = _SHORT_TEXT) -> str:
    """The headline and the line, for where there are no blocks."""
    was = f" (was: {one_line(message.was)})" if message.was else ""
    return fit(_tame(f"{one_line(message.headline)}{was}\n{message.line}"), limit, escape)


def escape(char: str) -> str:
    """One character as mrkdwn text: no mention, link or date can begin."""
    return _ESCAPES.get(char, char)


def _below(message: Message) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if message.was:
        # There is no way to escape a tilde, which would end the line through the text.
        was = fit(_tame(one_line(message.was)).replace("~", "-"), _HEADER, escape)
        blocks.append({"type": "section", "text": _mrkdwn(f"~{was}~")})
    blocks.append({"type": "section", "text": _plain(message.line, _LINE)})
    short = [field for field in message.fields if field.is_short][:_MOST_SHORT]
    if short:
        blocks.append({"type": "section", "fields": [_mrkdwn(_labelled(field, _FIELD)) for field in short]})
    for field in [field for field in message.fields if not field.is_short][:_MOST_LONG]:
        blocks.append({"type": "section", "text": _mrkdwn(_labelled(field, _LONG_FIELD))})
    if message.code:
        code = fit_tail(_tame(message.code), _CODE, escape)
        blocks.append({"type": "section", "text": _mrkdwn(f"```\n{code}\n```")})
    blocks.append({"type": "context", "elements": [_mrkdwn(_context(message))]})
    return blocks


def _tame(text: str) -> str:
    """The text without control characters, and without the fence that begins or ends a block of code."""
    return drop_unsafe(text).replace("```", "'''")


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": fit(drop_unsafe(text), limit) or "-", "emoji": False}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _labelled(field: Field, limit: int) -> str:
    return f"*{fit(_tame(field.label), 60, escape)}*\n{fit(_tame(field.value), limit, escape)}"


def _context(message: Message) -> str:
    event = message.event
    moment = int(event.timestamp.timestamp())
    date = f"<!date^{moment}^{{date_short_pretty}} {{time}}|{event.timestamp:%Y-%m-%d %H:%M} UTC>"
    known = [fit(_tame(part), 100, escape) for part in message.origin]
    commands = [f"`{fit(drop_unsafe(action).replace('`', ''), 60, escape)}`" for action in message.actions]
    return " · ".join([*known, date]) + (f"\nCommands: {' · '.join(commands)}" if commands else "")
