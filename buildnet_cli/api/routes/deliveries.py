"""Deliveries: where they stand, and what a person does with them."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from buildnet_cli.api.requests import caller, read_limit, read_object, read_text, services_of
from buildnet_cli.commands.model import Level
from buildnet_cli.delivery.model import DeliveryStatus
from buildnet_cli.errors import NotFoundError, UsageError
from buildnet_cli.store import history
from buildnet_cli.store.page import Page

_SHOWN = 500


async def page(request: Request) -> Response:
    """Deliveries, newest first; `failed=true` for those that were given up."""
    caller(request, Level.READ)
    limit, query = read_limit(request), request.query_params
    found: Page[dict[str, Any]] = await services_of(request).store.read(
        lambda db: history.deliveries(
            db,
            limit=limit,
            cursor=query.get("cursor"),
            status=query.get("status"),
            channel=query.get("channel"),
            event_id=query.get("event"),
            is_failed=_read_flag(query.get("failed", "false")),
        )
    )
    return JSONResponse({"items": found.items, "next": found.next})


async def show(request: Request) -> Response:
    """One delivery with everything that was tried."""
    caller(request, Level.READ)
    delivery_id = request.path_params["id"]
    found = await services_of(request).store.read(lambda db: history.delivery(db, delivery_id))
    if found is None:
        raise NotFoundError(f"there is no delivery {ascii(delivery_id)[:80]}")
    return JSONResponse(found)


async def retry(request: Request) -> Response:
    """Have one tried now."""
    caller(request, Level.ADMIN)
    return JSONResponse((await services_of(request).redrive.retry(request.path_params["id"])).as_wire())


async def retry_failed(request: Request) -> Response:
    """Have everything tried that was given up; `channel` for one channel's. The answer names 500 of them at most.

    What is over the rate limits is held, and told in a summary.
    """
    caller(request, Level.ADMIN)
    channel = read_text(await read_object(request), "channel")
    retried = await services_of(request).redrive.retry_failed(channel)
    held = sum(delivery.status is DeliveryStatus.HELD for delivery in retried)
    items = [delivery.as_wire() for delivery in retried[:_SHOWN]]
    return JSONResponse({"count": len(retried), "held": held, "items": items, "next": None})


async def cancel(request: Request) -> Response:
    """Give one up that has not been made yet."""
    caller(request, Level.ADMIN)
    return JSONResponse((await services_of(request).redrive.cancel(request.path_params["id"])).as_wire())


def _read_flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise UsageError(f"failed {ascii(text)[:80]} is neither true nor false", where="failed")
    return text == "true"


ROUTES = [
    ("GET", "/api/deliveries", page),
    ("POST", "/api/deliveries/retry", retry_failed),
    ("GET", "/api/deliveries/{id}", show),
    ("POST", "/api/deliveries/{id}/retry", retry),
    ("POST", "/api/deliveries/{id}/cancel", cancel),
]
