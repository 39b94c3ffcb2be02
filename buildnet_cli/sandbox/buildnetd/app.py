"""The daemon's routes, as axum 0.8 would serve them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from buildnet_cli.sandbox.buildnetd.daemon import Daemon, Faults
from buildnet_cli.sandbox.buildnetd.feed import source_of
from buildnet_cli.sandbox.buildnetd.stubs import STUBS
from buildnet_cli.sandbox.buildnetd.wire import Refusal, Rejection, in_ledger, read_object, timestamp

VERSION = "0.1.0"
_EXIT_AFTER_SECS = 0.1
_REQUESTS_KEPT = 100

Reset = Callable[[Request], None]
_Result = TypeVar("_Result")


def create_app(daemon: Daemon, *, leave: Callable[[], None], reset: Reset) -> Starlette:
    """The application. leave: ends the process as `exit(0)` does. reset: breaks the connection of a request."""
    routes = _Routes(daemon, leave, reset)
    table: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
        ("GET", "/", routes.page),
        ("GET", "/static/{file:path}", routes.static),
        ("GET", "/health", routes.health),
        ("GET", "/status", routes.status),
        ("GET", "/stats", routes.stats),
        ("POST", "/build", routes.build_all),
        ("POST", "/build/{package:path}", routes.build_one),
        ("GET", "/builds", routes.builds),
        ("GET", "/builds/{id}", routes.no_build),
        ("GET", "/cache/stats", routes.cache_stats),
        ("POST", "/cache/clear", routes.cache_clear),
        ("GET", "/config", routes.config),
        ("GET", "/events", routes.events),
        ("GET", "/requests", routes.requests),
        ("POST", "/shutdown", routes.shutdown),
        ("GET", "/ledger/history", routes.ledger_history),
        ("GET", "/ledger/builds", routes.ledger_builds),
        ("PUT", "/_sandbox/faults", routes.faults),
    ]
    return Starlette(
        routes=[*(Route(path, handler, methods=[method]) for method, path, handler in table), *STUBS],
        exception_handlers={Refusal: _answer, Rejection: _answer, HTTPException: _nothing},
    )


class _Routes:
    def __init__(self, daemon: Daemon, leave: Callable[[], None], reset: Reset) -> None:
        self._daemon = daemon
        self._leave = leave
        self._reset = reset
        self._log: deque[dict[str, Any]] = deque(maxlen=_REQUESTS_KEPT)
        self._numbers = itertools.count(1)

    async def page(self, _: Request) -> Response:
        return HTMLResponse("<!doctype html><title>BuildNet</title>")

    async def static(self, _: Request) -> Response:
        return PlainTextResponse("Not found", 404)

    async def health(self, _: Request) -> Response:
        if self._daemon.faults.health == "hang":
            await asyncio.Event().wait()
        if isinstance(self._daemon.faults.health, int):
            return Response(status_code=self._daemon.faults.health)
        return JSONResponse({"status": "ok", "version": VERSION, "uptime_secs": 0})

    async def status(self, _: Request) -> Response:
        daemon = self._daemon
        return JSONResponse(
            {
                "status": "running",
                "version": VERSION,
                "project_root": daemon.told_root,
                "packages": list(daemon.packages),
                "state_stats": daemon.stats(),
            }
        )

    async def stats(self, _: Request) -> Response:
        return JSONResponse(self._daemon.stats())

    async def build_all(self, request: Request) -> Response:
        body = await read_object(request, force=_is_bool)
        self._daemon.take_token()
        names = list(self._daemon.packages)
        build = {"build_type": "full", "package": None, "force": body.get("force", False), "packages": names}
        source = self._note(request, build)
        self._daemon.feed.tell("request_received", "Build request received", level="debug", source=source, build=build)
        self._daemon.feed.tell("build_start", "Starting full build", source=source, build=build)
        began = time.monotonic()
        results = await _unless_gone(request, self._daemon.build_all())
        if results is None:
            return Response(status_code=499)
        success = all(result["status"] != "failed" for result in results)
        self._complete("All packages", None, success)
        took = round((time.monotonic() - began) * 1000)
        return JSONResponse({"success": success, "results": results, "total_duration_ms": took})

    async def build_one(self, request: Request) -> Response:
        name = request.scope["raw_path"].decode("ascii").removeprefix("/build/")
        if "/" in name:  # routes are matched before names are decoded
            return Response(status_code=404)
        body = await read_object(request, force=_is_bool)
        self._daemon.take_token()
        package = self._daemon.look_up(unquote(name))
        build = {"build_type": "single", "package": package["name"], "force": body.get("force", False), "packages": []}
        source = self._note(request, build)
        self._daemon.feed.tell("build_start", f"Building {package['name']}", package=package["name"], source=source, build=build)
        if (broken := await self._fault(request)) is not None:
            return broken
        result = await _unless_gone(request, self._daemon.build(package))
        if result is None:
            return Response(status_code=499)
        self._complete(package["name"], package["name"], result["status"] != "failed")
        return JSONResponse(result)

    async def builds(self, _: Request) -> Response:
        return JSONResponse(self._daemon.newest())

    async def no_build(self, _: Request) -> Response:
        raise Refusal(404, "NOT_FOUND", "Build not found")

    async def cache_stats(self, _: Request) -> Response:
        return JSONResponse(self._daemon.artifacts.stats())

    async def cache_clear(self, request: Request) -> Response:
        body = await read_object(request, max_size_mb=lambda value: value is None or (_is_int(value) and value >= 0))
        return JSONResponse({"removed": self._daemon.artifacts.clear(body.get("max_size_mb"))})

    async def config(self, _: Request) -> Response:
        return JSONResponse(self._daemon.config)

    async def events(self, request: Request) -> Response:
        self._note(request, None)
        return StreamingResponse(self._daemon.feed.listen(), media_type="text/event-stream")

    async def requests(self, _: Request) -> Response:
        return JSONResponse({"requests": list(reversed(self._log)), "total": len(self._log)})

    async def shutdown(self, _: Request) -> Response:
        asyncio.get_running_loop().call_later(_EXIT_AFTER_SECS, self._leave)
        return JSONResponse({"status": "shutting_down"})

    async def ledger_history(self, request: Request) -> Response:
        entries = [
            {
                "id": row["id"],
                "entry_type": f"build_{row['status']}",
                "origin_node": "local",
                "build_id": row["id"],
                "timestamp": in_ledger(row["started_at"]),
            }
            for row in self._last_rows(request, 20)
        ]
        return JSONResponse({"entries": entries, "merkle_root": "0" * 64, "total_entries": len(self._daemon.rows)})

    async def ledger_builds(self, request: Request) -> Response:
        found = [
            {
                "build_id": row["id"],
                "packages": [row["package"]],
                "success": row["status"] == "completed",
                "duration_ms": row["duration_ms"],
                "started_at": in_ledger(row["started_at"]),
            }
            for row in self._last_rows(request, 10)
        ]
        return JSONResponse({"builds": found})

    async def faults(self, request: Request) -> Response:
        """Not the daemon's: script what goes wrong next, `{builds: [...], health: ...}`."""
        body = await read_object(request)
        self._daemon.faults = Faults(deque(body.get("builds", [])), body.get("health"))
        return Response(status_code=204)

    def _last_rows(self, request: Request, default: int) -> list[dict[str, Any]]:
        limit = request.query_params.get("limit", str(default))
        if not limit.isdecimal():
            raise Rejection(400, "Failed to deserialize query string: limit: invalid digit found in string")
        return self._daemon.rows[::-1][: int(limit)]

    def _note(self, request: Request, build: dict[str, Any] | None) -> dict[str, Any]:
        """Remember a request; where it came from."""
        source = source_of(request)
        entry = {"id": next(self._numbers), "timestamp": timestamp(), "method": request.method, "path": request.url.path}
        self._log.append({**entry, "source": source, "build_info": build})
        return source

    def _complete(self, what: str, package: str | None, success: bool) -> None:
        words, level = ("completed", "success") if success else ("failed", "error")
        self._daemon.feed.tell("build_complete", f"{what} {words}", package=package, level=level)

    async def _fault(self, request: Request) -> Response | None:
        fault = self._daemon.faults.builds.popleft() if self._daemon.faults.builds else ""
        if fault == "hang":
            await _unless_gone(request, asyncio.Event().wait())
            return Response(status_code=499)
        if fault == "reset":
            self._reset(request)
            return Response(status_code=499)
        if isinstance(fault, int):
            return Refusal(fault, "BUILD_FAILED", "Build failed: scripted").answer()
        return None


async def _unless_gone(request: Request, work: Awaitable[_Result]) -> _Result | None:
    """Do the work; drop it where it stands, and return None, if the client goes away."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(request.receive())  # the body has been read, so what comes next is the disconnect
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for each in (task, gone):
            each.cancel()
            with contextlib.suppress(asyncio.CancelledError, Refusal):
                await each


async def _answer(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, Refusal | Rejection)
    return exc.answer()


async def _nothing(_: Request, exc: Exception) -> Response:
    """An unknown path or a wrong method: a status, and not a word."""
    assert isinstance(exc, HTTPException)
    return Response(status_code=exc.status_code, headers=dict(exc.headers or {}))


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
