"""What Slack refuses of how a message looks. Pure.

Source: Slack "chat.postMessage" (errors), "Block Kit" (reference of blocks). The limits of `text` and of all blocks together are
what the real service was seen to refuse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_LONGEST_TEXT = 4_000
_LONGEST_BLOCKS = 13_200
_MOST_BLOCKS = 50
_MOST_ATTACHMENTS = 100
_MOST_FIELDS = 10
_MOST_ELEMENTS = 10

_LONGEST: Final = {"header": 150, "section": 3_000, "context": 3_000}
_LONGEST_FIELD = 2_000
_MOST_ACTIONS = 25
_LONGEST_LABEL = 75
_LONGEST_VALUE = 2_000
_LONGEST_ACTION_ID = 255
_DIALOG: Final = (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30))
_KINDS: Final = frozenset({"header", "section", "context", "divider", "actions", "image", "rich_text", "markdown"})


def flaw_of(message: Mapping[str, Any]) -> tuple[str, str] | None:
    """The error that Slack would answer, and what it says about it; None if it would take the message."""
    text, blocks, attachments = message.get("text"), message.get("blocks"), message.get("attachments")
    if not any((text, blocks, attachments)):
        return "no_text", ""
    if isinstance(text, str) and len(text) > _LONGEST_TEXT:
        return "msg_too_long", ""
    if not _is_list_of_objects(blocks) or not _is_list_of_objects(attachments):
        return "invalid_blocks_format" if not _is_list_of_objects(blocks) else "invalid_attachments", ""
    if len(attachments or ()) > _MOST_ATTACHMENTS:
        return "too_many_attachments", ""
    total = 0
    for place, part in _blocks_of(blocks, attachments):
        if not _is_list_of_objects(part):
            return "invalid_blocks_format", place
        if len(part) > _MOST_BLOCKS:
            return "invalid_blocks", f"no more than {_MOST_BLOCKS} items allowed [json-pointer:{place}]"
        for index, block in enumerate(part):
            flaw = _flaw_of_block(block)
            if flaw:
                return "invalid_blocks", f"{flaw} [json-pointer:{place}/{index}]"
            total += sum(len(str(element["text"])) for element in _texts(block))
    return ("msg_blocks_too_long", "") if total > _LONGEST_BLOCKS else None


def _is_list_of_objects(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(part, dict) for part in value))


def _blocks_of(blocks: Any, attachments: Any) -> Iterator[tuple[str, Any]]:
    yield "/blocks", blocks or []
    for index, attachment in enumerate(attachments or []):
        yield f"/attachments/{index}/blocks", attachment.get("blocks") or []


def _flaw_of_block(block: Mapping[str, Any]) -> str:
    kind = block.get("type")
    if kind not in _KINDS:
        return f"unsupported type: {kind}"
    if kind == "header" and (not isinstance(block.get("text"), dict) or block["text"].get("type") != "plain_text"):
        return "must be a plain_text object"
    if kind == "section" and not block.get("text") and not block.get("fields"):
        return "must provide text or fields"
    if kind == "actions":
        return _flaw_of_actions(block)
    if len(block.get("fields") or ()) > _MOST_FIELDS or len(block.get("elements") or ()) > _MOST_ELEMENTS:
        return "too many items"
    for element in _texts(block):
        longest = _LONGEST_FIELD if element in (block.get("fields") or ()) else _LONGEST.get(str(kind), _LONGEST["section"])
        if not element.get("text"):
            return "must be more than 0 characters"
        if len(str(element["text"])) > longest:
            return f"must be less than {longest + 1} characters"
        if element.get("type") not in ("plain_text", "mrkdwn"):
            return f"unsupported type: {element.get('type')}"
    return ""


def _flaw_of_actions(block: Mapping[str, Any]) -> str:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= _MOST_ACTIONS:
        return f"must provide 1 to {_MOST_ACTIONS} elements"
    for element in elements:
        if not isinstance(element, dict) or element.get("type") != "button":
            return "unsupported element"
        if len(str(element.get("value") or "")) > _LONGEST_VALUE or len(str(element.get("action_id") or "")) > _LONGEST_ACTION_ID:
            return "value or action_id is too long"
        dialog = element.get("confirm") or {}
        if dialog and not {"title", "text", "confirm", "deny"} <= dialog.keys():
            return "the dialog lacks a text"
        for text, longest in (
            (element.get("text"), _LONGEST_LABEL),
            *((dialog.get(name), most) for name, most in _DIALOG if dialog),
        ):
            if (
                not isinstance(text, dict)
                or text.get("type") != "plain_text"
                or not 1 <= len(str(text.get("text") or "")) <= longest
            ):
                return f"must be a plain_text object of at most {longest} characters"
    return ""


def _texts(block: Mapping[str, Any]) -> list[dict[str, Any]]:
    elements = () if block.get("type") == "actions" else block.get("elements") or ()
    parts = [block.get("text"), *(block.get("fields") or ()), *elements]
    return [part for part in parts if isinstance(part, dict) and "text" in part]
