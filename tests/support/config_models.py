"""Configurations for tests of the models: written as plain data, refused with `path: sentence`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from buildnet_cli.config.root import Config

SLACK = {"bot_token": "xoxb-1"}
SMS = {"account_sid": "AC" + "0" * 32, "auth_token": "token-1", "from_number": "+14155550100"}
EMAIL = {"smtp": {"host": "mail.example.com"}, "from": "build@example.com"}
API_KEY = "3f9a1c7e5b2d8f4a6c0e9b7d"


def nested(path: str, value: Any) -> dict[str, Any]:
    """`{"a": {"b": value}}` for `a.b`."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return dict(value)


def configured(path: str, value: Any) -> Config:
    """A configuration that holds nothing but one value."""
    return Config.model_validate(nested(path, value))


def with_channels(**sections: Any) -> Config:
    return configured("notifications.channels", sections)


def refusals(data: Mapping[str, Any]) -> str:
    """Every error of a configuration, one on a line; empty if it is valid."""
    try:
        Config.model_validate(data)
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_input=False)
        return "\n".join(f"{_dotted(error['loc'])}: {error['msg'].removeprefix('Value error, ')}" for error in errors)
    return ""


def refusal(path: str, value: Any) -> str:
    """Every error of a configuration that holds nothing but one value."""
    return refusals(nested(path, value))


def _dotted(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
