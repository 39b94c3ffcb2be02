"""Builds that a `run` in a terminal carries out. This route is the local terminal's; over TCP it does not exist."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from buildnet_cli.api.requests import BadRequestError, caller, only_on_socket, read_object, services_of
from buildnet_cli.commands.model import Level
from buildnet_cli.engine.handover import read_build
from buildnet_cli.events.model import read_draft
from buildnet_cli.store.builds import put, with_history

MAX_BUILDS: Final = 100


async def accept(request: Request) -> Response:
    """Take the states of builds, and the events that tell of them, in one transaction. 202 once they are on disk.

    An event of an id that was accepted before is taken for that one; a build that has ended does not run again.
    """
    only_on_socket(request)
    principal = caller(request, Level.BUILD)
    body = await read_object(request)
    builds, events = body.get("builds"), body.get("events", [])
    if not isinstance(builds, list) or not 1 <= len(builds) <= MAX_BUILDS:
        raise BadRequestError(f'send 1 to {MAX_BUILDS} "builds"', where="builds")
    if not isinstance(events, list) or len(events) > MAX_BUILDS:
        raise BadRequestError(f'"events" must be a list of at most {MAX_BUILDS}', where="events")
    rows = [read_build(entry) for entry in builds]
    drafts = [read_draft(entry) for entry in events]
    services = services_of(request)
    told = await services.store.read(lambda db: with_history(db, rows, drafts))
    await services.ingest.accept_many(told, source=str(principal), along_with=[put(rows)])
    return JSONResponse({"items": [build.as_wire() for build in rows]}, 202)


ROUTES = [("POST", "/api/builds", accept)]
