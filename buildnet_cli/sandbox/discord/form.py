"""What Discord refuses of how a message looks. Pure.

Source: Discord "Message" resource: content 2,000, 10 embeds, title 256, description 4,096, 25 fields of 256 and 1,024, footer
2,048, author 256, 6,000 in all embeds; a nonce of 25. White space at either end of a text does not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

EMPTY: Final = 50006
INVALID: Final = 50035

_LONGEST_CONTENT = 2_000
_MOST_EMBEDS = 10
_MOST_FIELDS = 25
_LONGEST_IN_ALL = 6_000
_LONGEST_NONCE = 25
_MOST_ROWS = 5
_MOST_BUTTONS = 5


def refusal_of(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """The body of Discord's refusal: `{code, message}`, with `errors` for a form that is wrong; None if it takes the message."""
    flaws = dict(_flaws(message))
    if flaws:
        return {"code": INVALID, "message": "Invalid Form Body", "errors": _tree(flaws)}
    if not str(message.get("content") or "").strip() and not message.get("embeds"):
        return {"code": EMPTY, "message": "Cannot send an empty message"}
    return None


def _flaws(message: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each place, as `embeds.0.title`, with its code and what is wrong there."""
    yield from _too_long("content", message.get("content"), _LONGEST_CONTENT)
    yield from _too_long("nonce", message.get("nonce"), _LONGEST_NONCE)
    yield from _flaws_of_components(message.get("components") or [])
    embeds = message.get("embeds") or []
    if not isinstance(embeds, list) or not all(isinstance(embed, dict) for embed in embeds):
        yield "embeds", ("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        return
    if len(embeds) > _MOST_EMBEDS:
        yield "embeds", ("BASE_TYPE_MAX_LENGTH", f"Must be {_MOST_EMBEDS} or fewer in length.")
    for index, embed in enumerate(embeds):
        yield from _flaws_of_embed(f"embeds.{index}", embed)
    if sum(map(_size, embeds)) > _LONGEST_IN_ALL:
        yield "embeds", ("MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {_LONGEST_IN_ALL}")


def _flaws_of_components(rows: Any) -> Iterator[tuple[str, tuple[str, str]]]:
    if not isinstance(rows, list) or len(rows) > _MOST_ROWS:
        yield "components", ("BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {_MOST_ROWS} in length.")
        return
    for index, row in enumerate(rows):
        buttons = row.get("components") if isinstance(row, dict) and row.get("type") == 1 else None
        if not isinstance(buttons, list) or not 1 <= len(buttons) <= _MOST_BUTTONS:
            yield f"components.{index}", ("BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {_MOST_BUTTONS} in length.")
            continue
        for place, button in enumerate(buttons):
            yield from _too_long(f"components.{index}.components.{place}.custom_id", button.get("custom_id"), 100)
            yield from _too_long(f"components.{index}.components.{place}.label", button.get("label"), 80)
            if not button.get("custom_id"):
                yield f"components.{index}.components.{place}.custom_id", ("BASE_TYPE_REQUIRED", "This field is required")


def _flaws_of_embed(place: str, embed: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, str]]]:
    yield from _too_long(f"{place}.title", embed.get("title"), 256)
    yield from _too_long(f"{place}.description", embed.get("description"), 4_096)
    yield from _too_long(f"{place}.footer.text", (embed.get("footer") or {}).get("text"), 2_048)
    yield from _too_long(f"{place}.author.name", (embed.get("author") or {}).get("name"), 256)
    fields = embed.get("fields") or []
    if len(fields) > _MOST_FIELDS:
        yield f"{place}.fields", ("BASE_TYPE_MAX_LENGTH", f"Must be {_MOST_FIELDS} or fewer in length.")
    for index, field in enumerate(fields):
        for part, longest in (("name", 256), ("value", 1_024)):
            if not str(field.get(part) or "").strip():
                yield f"{place}.fields.{index}.{part}", ("BASE_TYPE_REQUIRED", "This field is required")
            yield from _too_long(f"{place}.fields.{index}.{part}", field.get(part), longest)


def _too_long(place: str, text: Any, longest: int) -> Iterator[tuple[str, tuple[str, str]]]:
    if text is not None and len(str(text).strip()) > longest:
        yield place, ("BASE_TYPE_MAX_LENGTH", f"Must be {longest} or fewer in length.")


def _size(embed: Mapping[str, Any]) -> int:
    texts = [embed.get("title"), embed.get("description"), (embed.get("footer") or {}).get("text")]
    texts += [(embed.get("author") or {}).get("name")]
    texts += [field.get(part) for field in embed.get("fields") or [] for part in ("name", "value")]
    return sum(len(str(text).strip()) for text in texts if text is not None)


def _tree(flaws: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for place, (code, told) in flaws.items():
        node = tree
        for step in place.split("."):
            node = node.setdefault(step, {})
        node["_errors"] = [{"code": code, "message": told}]
    return tree
