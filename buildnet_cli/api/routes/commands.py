"""Commands."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from buildnet_cli.api.problems import STATUS_OF
from buildnet_cli.api.requests import is_on_socket, known_caller, read_object, read_text, services_of
from buildnet_cli.commands.model import CommandStatus
from buildnet_cli.errors import NotFoundError


async def execute(request: Request) -> Response:
    """Run a command: 200 executed, 202 accepted, else the status of what went wrong, with the same result object.

    Over TCP the route exists only while remote control is on.
    """
    services = services_of(request)
    if not is_on_socket(request) and not services.access().is_remote_control_on:
        raise NotFoundError("Not Found")
    body = await read_object(request)
    principal = known_caller(request, body_key=read_text(body, "auth"))
    text = read_text(body, "command", required=True)
    assert text is not None
    result = await services.executor.execute(text, principal)
    answer = result.as_wire()
    if result.kind is not None:
        answer.update(kind=result.kind.value, hint=result.hint)
        return JSONResponse(answer, STATUS_OF[result.kind])
    return JSONResponse(answer, 202 if result.status is CommandStatus.ACCEPTED else 200)


ROUTES = [("POST", "/api/commands/execute", execute)]
