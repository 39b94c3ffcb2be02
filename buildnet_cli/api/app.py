"""The one application behind both listeners."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, request_response
from starlette.types import ASGIApp, Receive, Scope, Send

from buildnet_cli.api import problems, ws
from buildnet_cli.api.auth import UnauthenticatedError
from buildnet_cli.api.requests import BadRequestError, TooSlowError, check_host
from buildnet_cli.api.routes import (
    agent,
    builds,
    commands,
    config,
    deliveries,
    events,
    history,
    inbound,
    look,
    mutes,
    stream,
)
from buildnet_cli.api.services import Services
from buildnet_cli.errors import BuildNetError, Kind, TooLargeError

Endpoint = Callable[[Request], Awaitable[Response]]


def build_app(services: Services) -> Starlette:
    """The application, with every route behind the check of the name we are called by."""
    routes = [
        Route(path, _guarded(endpoint), methods=[method])
        for module in (look, events, stream, builds, deliveries, history, commands, config, mutes, agent)
        for method, path, endpoint in module.ROUTES
    ]
    # Whoever calls these proves it with a signature, under whatever name the provider knows us.
    signed = [Route(path, endpoint, methods=[method]) for method, path, endpoint in inbound.ROUTES]
    app = Starlette(
        routes=[*routes, ws.route(), *signed],
        exception_handlers={
            BuildNetError: problems.on_error,
            UnauthenticatedError: _on_unauthenticated,
            BadRequestError: _on_bad_request,
            TooLargeError: _on_too_large,
            TooSlowError: _on_too_slow,
            HTTPException: problems.on_http_error,
        },
    )
    app.router.default = _texts_or(app.router.default)
    app.state.services = services
    return app


def _texts_or(not_found: ASGIApp) -> ASGIApp:
    """The configuration names the route of text messages, so it is asked about whatever is posted to no other route."""
    text = request_response(inbound.text)

    async def default(scope: Scope, receive: Receive, send: Send) -> None:
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        await (text if is_post else not_found)(scope, receive, send)

    return default


def _guarded(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        check_host(request)
        return await endpoint(request)

    return guarded


async def _on_unauthenticated(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, BuildNetError)
    return problems.problem(401, Kind.DENIED, exc.message, hint=exc.hint, headers={"WWW-Authenticate": "Bearer"})


async def _on_bad_request(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, BuildNetError)
    return problems.problem(400, Kind.USAGE, exc.message, hint=exc.hint, where=exc.where)


async def _on_too_large(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, BuildNetError)
    # What is left of the body is not worth reading.
    return problems.problem(413, Kind.TOO_LARGE, exc.message, hint=exc.hint, where=exc.where, headers={"Connection": "close"})


async def _on_too_slow(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, BuildNetError)
    return problems.problem(408, Kind.TIMEOUT, exc.message, headers={"Connection": "close"})
