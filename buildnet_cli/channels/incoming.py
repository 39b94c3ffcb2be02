"""What a chat's request comes to once it is proved: somebody asks us something, or the provider wants a word at once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from buildnet_cli.commands.inbound import Inbound
from buildnet_cli.errors import UsageError

_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody asks us something, and is waited with for the answer.

    answer_url: takes the answer later, for whoever holds it; empty if there is none, and the answer is posted to `reply_to`.
    request_id: of the command that a button was pressed for; empty if it was no button.
    """

    inbound: Inbound
    answer_url: str = field(default="", repr=False)
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Immediate:
    """An answer that the provider gets at once, with status 200: nobody asked for anything. body: JSON; None for an empty one."""

    body: dict[str, Any] | None = None


def json_body(body: bytes) -> dict[str, Any]:
    """The object that a request holds. Raises UsageError if it holds anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UsageError("the request holds no JSON object")
    return value


def part(value: dict[str, Any], name: str) -> dict[str, Any]:
    """The object of that name; an empty one if it is missing or something else."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def text(value: dict[str, Any], name: str) -> str:
    """The text of that name; an empty one if it is missing or something else. What is no character becomes `?`."""
    found = value.get(name)
    return found.encode("utf-8", "replace").decode("utf-8") if isinstance(found, str) else ""


def shown_name(value: dict[str, Any], *names: str) -> str:
    """The first of these texts that there is, short enough to be shown."""
    return next((found for found in (text(value, name) for name in names) if found), "")[:_LONGEST_NAME]
