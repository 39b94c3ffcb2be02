"""Where providers call us. What understands them is loaded with the first call: most agents never get one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

_Endpoint = Callable[[Request], Awaitable[Response]]

TELEGRAM: Final = "/api/notifications/telegram/webhook"


def _of(module: str, name: str) -> _Endpoint:
    async def call(request: Request) -> Response:
        endpoint: _Endpoint = getattr(import_module(f"buildnet_cli.api.routes.inbound_{module}"), name)
        return await endpoint(request)

    return call


text = _of("sms", "text")
"""A text message; the configuration names its route."""

ROUTES = [
    ("POST", "/api/notifications/slack/commands", _of("slack", "command")),
    ("POST", "/api/notifications/slack/events", _of("slack", "event")),
    ("POST", "/api/notifications/slack/interactive", _of("slack", "press")),
    ("POST", "/api/notifications/discord/interactions", _of("discord", "interact")),
    ("POST", TELEGRAM, _of("telegram", "update")),
]
