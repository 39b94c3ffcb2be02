"""What somebody typed, out of what Slack and their keyboard made of it. Pure.

Source: Slack "Formatting text for app surfaces", Retrieving messages: `<@U1|name>`, `<#C1|name>`, `<!here>`, `<url|label>`, and
`&amp; &lt; &gt;`. Telephones and Macs turn quotes into typographic ones, and two hyphens into a dash.
"""

from __future__ import annotations

import re

_WRAPPED = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
_MENTION = re.compile(r"\s*<@[A-Z0-9]+(?:\|[^<>]*)?>[\s:,]*")
_DASHED = re.compile("(?<!\\S)[\u2013\u2014](?=[A-Za-z])")
_QUOTES = str.maketrans({"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'", "\u00a0": " "})
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def typed(text: str) -> str:
    """The text as it was typed."""
    text = _DASHED.sub("--", _WRAPPED.sub(_unwrapped, text).translate(_QUOTES))
    for entity, char in _ENTITIES:
        text = text.replace(entity, char)
    return text.strip()


def without_mention(text: str) -> str:
    """The raw text without the mention that it begins with."""
    return _MENTION.sub("", text, count=1) if _MENTION.match(text) else text


def _unwrapped(match: re.Match[str]) -> str:
    sign, target, label = match.groups()
    if not label:
        label = target.removeprefix("mailto:").removeprefix("tel:")
    sign = "@" if sign == "!" else sign
    return sign + label.removeprefix(sign)
