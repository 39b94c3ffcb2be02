"""Reads what a provider would show out of a request's body: a title, a line, labelled facts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_SLACK_DATE = re.compile(r"<!date\^[^|>]*\|([^>]*)>")
_DISCORD_ESCAPE = re.compile(r"\\([\\*_~`|>#\-\[\]()<])")
_DISCORD_STRUCK = re.compile(r"~~(.*)~~\n")
_LONGEST = 4_000


@dataclass(frozen=True, slots=True)
class Reading:
    """One message as a person would see it.

    form: `json`, `slack`, `discord`, `sms` … was: a title that is struck through, because it is true no more.
    """

    form: str
    title: str
    line: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    code: str = ""
    note: str = ""
    was: str = ""


def read(body: Any) -> Reading:
    """Recognise the form of a body by its shape."""
    if isinstance(body, dict):
        if isinstance(body.get("embeds"), list) and body["embeds"] and isinstance(body["embeds"][0], dict):
            return _discord(body["embeds"][0])
        if isinstance(body.get("blocks"), list):
            return _slack(body)
        if isinstance(body.get("type"), str) and isinstance(body.get("payload"), dict):
            return _event(body)
        said = body.get("text", body.get("content"))
        if isinstance(said, str):
            title, _, line = said.partition("\n")
            return Reading("other", _cut(title), _cut(line))
    text = body if isinstance(body, str) else ""
    return Reading("other", _cut(text.strip().partition("\n")[0]) or "(no text)")


def _event(event: dict[str, Any]) -> Reading:
    payload = event["payload"]
    title = event["type"] + (f" · {event['subject']}" if event.get("subject") else "")
    facts = [("Priority", event.get("priority")), ("Source", event.get("source")), *payload.items()]
    shown = tuple(
        (str(name), _cut(str(value))) for name, value in facts if value not in (None, "") and not isinstance(value, dict | list)
    )
    error = payload.get("error")
    code = str(error.get("tail") or "") if isinstance(error, dict) else ""
    return Reading(
        "json", _cut(title), _cut(str(event.get("message") or "")), shown[:12], _cut(code), str(event.get("timestamp") or "")
    )


def _slack(body: dict[str, Any]) -> Reading:
    attached = [part["blocks"] for part in _list(body.get("attachments")) if isinstance(part, dict) and _list(part.get("blocks"))]
    blocks = [block for part in (body["blocks"], *attached) for block in part if isinstance(block, dict)]
    texts = [(str(block.get("type")), part) for block in blocks for part in _texts(block)]
    title = next((text for kind, text in texts if kind == "header"), str(body.get("text", "")))
    told = [text for kind, text in texts if kind == "section"]
    code = next((text.strip("`\n") for text in told if text.startswith("```")), "")
    was = next((text for text in told if text.startswith("~") and text.endswith("~")), "")
    plain = [text for text in told if text != was and not text.startswith(("```", "*"))]
    fields = tuple((label.strip("*"), value) for label, _, value in (text.partition("\n") for text in told if text[:1] == "*"))
    note = " ".join(text for kind, text in texts if kind == "context").replace("`", "").replace("\n", " · ")
    return Reading("slack", title, plain[0] if plain else "", fields, code, note, was.strip("~"))


def _texts(block: dict[str, Any]) -> Iterator[str]:
    parts = [block.get("text"), *_list(block.get("fields")), *_list(block.get("elements"))]
    for part in parts:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            text = part["text"]
            yield _cut(_unescaped(text) if part.get("type") == "mrkdwn" else text)


def _discord(embed: dict[str, Any]) -> Reading:
    line, _, code = str(embed.get("description") or "").partition("\n```\n")
    struck = _DISCORD_STRUCK.match(line)
    line = line[struck.end() :] if struck else line
    fields = tuple(
        (_unmarked(str(part.get("name", ""))), _unmarked(str(part.get("value", ""))))
        for part in _list(embed.get("fields"))
        if isinstance(part, dict)
    )
    footer = embed.get("footer")
    note = str(footer.get("text", "")) if isinstance(footer, dict) else ""
    return Reading(
        "discord",
        _unmarked(str(embed.get("title", ""))),
        _unmarked(line),
        fields,
        _cut(code.removesuffix("\n```")),
        note,
        _unmarked(struck[1]) if struck else "",
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _unescaped(text: str) -> str:
    text = _SLACK_DATE.sub(r"\1", text)
    for entity, char in _ENTITIES:
        text = text.replace(entity, char)
    return text


def _unmarked(text: str) -> str:
    return _cut(_DISCORD_ESCAPE.sub(r"\1", text).replace("@\u200b", "@"))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
