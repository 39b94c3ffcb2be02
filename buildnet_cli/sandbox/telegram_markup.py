"""Reads Telegram's HTML as its server does, with its errors. Pure.

Source: Telegram Bot API "HTML style"; the server's `parse_html`, whose words these errors are.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

_KINDS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_TOKEN = re.compile(r"<(?P<end>/?)(?P<name>[^\s>/]*)(?P<attributes>[^>]*)(?P<close>>?)|&(?P<entity>#[xX]?[0-9a-fA-F]+|\w+);?")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_HREF = re.compile(r'href\s*=\s*["\']?([^"\'\s>]*)')


class MarkupError(Exception):
    """What Telegram says of tags that it cannot read."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text without its tags. entities: as Telegram lists them; offsets and lengths are UTF-16 units."""

    text: str
    entities: tuple[dict[str, Any], ...] = ()

    @property
    def units(self) -> int:
        return _units(self.text)


def parse_html(source: str) -> Parsed:
    """The text and its entities. Raises MarkupError."""
    text, entities, open_tags, end = "", [], [], 0
    for token in _TOKEN.finditer(source):
        text += source[end : token.start()]
        end = token.end()
        at = len(source[: token.start()].encode("utf-8", "replace"))
        if token["entity"]:
            text += _entity(token)
        elif not token["close"]:
            raise MarkupError(f"Unclosed {'end' if token['end'] else 'start'} tag at byte offset {at}")
        elif not token["end"]:
            name = token["name"].lower()
            if name not in _KINDS:
                raise MarkupError(f'Unsupported start tag "{name}" at byte offset {at}')
            href = _HREF.search(token["attributes"])
            open_tags.append((name, _units(text), {"url": html.unescape(href[1])} if name == "a" and href else {}))
        else:
            if not open_tags:
                raise MarkupError(f"Unexpected end tag at byte offset {at}")
            name, offset, more = open_tags.pop()
            if token["name"].lower() not in ("", name):
                found = token["name"].lower()
                raise MarkupError(f'Unmatched end tag at byte offset {at}, expected "</{name}>", found "</{found}>"')
            if _units(text) > offset:
                entities.append({"type": _KINDS[name], "offset": offset, "length": _units(text) - offset, **more})
    if open_tags:
        raise MarkupError(f'Can\'t find end tag corresponding to start tag "{open_tags[-1][0]}"')
    return Parsed(text + source[end:], tuple(sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))))


def part(parsed: Parsed, entity: dict[str, Any]) -> str:
    """The text that an entity covers."""
    raw = parsed.text.encode("utf-16-le", "surrogatepass")
    return raw[entity["offset"] * 2 : (entity["offset"] + entity["length"]) * 2].decode("utf-16-le", "replace")


def _entity(token: re.Match[str]) -> str:
    name = token["entity"]
    if name.startswith("#"):
        return html.unescape(f"&{name};")
    return _NAMED.get(name, token[0])


def _units(text: str) -> int:
    return len(text) + sum(char > "\uffff" for char in text)
