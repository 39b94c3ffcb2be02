"""Events coming in, and test messages going out."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from buildnet_cli.api.auth import UnauthenticatedError
from buildnet_cli.api.requests import BadRequestError, caller, is_on_socket, read_json, read_object, services_of
from buildnet_cli.commands.model import Level
from buildnet_cli.errors import UsageError
from buildnet_cli.events.model import EventDraft, read_draft

MAX_EVENTS: Final = 1000
"""Events in one request."""


async def accept(request: Request) -> Response:
    """Take one event, or an array of them: all or none. 202 once they are on disk.

    An event may bring an `id` of its producer's; a second one of the same id is taken for the first.
    """
    principal = caller(request, Level.BUILD)
    body = await read_json(request)
    entries = body if isinstance(body, list) else [body]
    if not 1 <= len(entries) <= MAX_EVENTS:
        raise BadRequestError(f"send 1 to {MAX_EVENTS} events at once; this body has {len(entries)}")
    drafts = [_read_entry(entry, number if isinstance(body, list) else None) for number, entry in enumerate(entries)]
    acceptances = await services_of(request).ingest.accept_many(drafts, source=str(principal))
    items = [
        {
            "id": acceptance.event.id,
            "type": acceptance.event.type,
            "priority": acceptance.event.priority.value,
            "deliveries": [
                {
                    "id": delivery.id,
                    "channel": delivery.target.channel,
                    "recipient": delivery.target.recipient,
                    "status": delivery.status.value,
                }
                for delivery in acceptance.deliveries
            ],
        }
        for acceptance in acceptances
    ]
    return JSONResponse({"items": items}, 202)


def _read_entry(entry: Any, number: int | None) -> EventDraft:
    try:
        return read_draft(entry)
    except UsageError as exc:
        if number is not None:
            exc.where = f"[{number}].{exc.where}"
        raise


async def test(request: Request) -> Response:
    """Send a test message to a channel.

    From loopback without a key only while no key is configured, and never from a web page: the specification's Quick Start.
    """
    if _needs_key(request):
        caller(request, Level.ADMIN)
    rows = await services_of(request).test(await read_object(request))
    return JSONResponse({"items": rows, "next": None})


def _needs_key(request: Request) -> bool:
    if is_on_socket(request) or services_of(request).access().keys:
        return True
    if request.client is None or request.client.host not in ("127.0.0.1", "::1") or "origin" in request.headers:
        raise UnauthenticatedError("a valid API key is needed", hint="configure one under remote_control.authentication.api_keys")
    return False


ROUTES = [("POST", "/api/events", accept), ("POST", "/api/notifications/test", test)]
