"""Commands."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from buildnet_cli.api.problems import STATUS_OF, retry_after
from buildnet_cli.api.requests import is_on_socket, known_caller, read_object, read_text, services_of
from buildnet_cli.commands.model import CommandResult, CommandStatus, Principal
from buildnet_cli.errors import NotFoundError

_GOES_ON = (CommandStatus.ACCEPTED, CommandStatus.CONFIRMATION_REQUIRED)


async def execute(request: Request) -> Response:
    """Run a command: 200 executed, 202 accepted or to be confirmed, else what went wrong, always with the same result object.

    confirm: the code, if one is known.
    """
    body, principal = await _asked(request)
    code = read_text(body, "confirm")
    return _answered(await services_of(request).executor.execute(_needed(body, "command"), principal, code=code))


async def confirm(request: Request) -> Response:
    """Run what asked back: as `execute`, with 409 for a wrong or used code, 410 for one that has expired."""
    body, principal = await _asked(request)
    wanted, code = _needed(body, "request_id"), _needed(body, "code")
    return _answered(await services_of(request).executor.confirm(wanted, code, principal))


async def _asked(request: Request) -> tuple[dict[str, Any], Principal]:
    """The body, and who sent it. Over TCP the routes exist only while remote control is on."""
    if not is_on_socket(request) and not services_of(request).access().is_remote_control_on:
        raise NotFoundError("Not Found")
    body = await read_object(request)
    return body, known_caller(request, body_key=read_text(body, "auth"))


def _needed(body: dict[str, Any], name: str) -> str:
    text = read_text(body, name, required=True)
    assert text is not None
    return text


def _answered(result: CommandResult) -> Response:
    answer = result.as_wire()
    if result.kind is not None:
        answer.update(kind=result.kind.value, hint=result.hint)
        headers = retry_after(result.retry_after_secs) if result.retry_after_secs is not None else None
        return JSONResponse(answer, STATUS_OF[result.kind], headers)
    return JSONResponse(answer, 202 if result.status in _GOES_ON else 200)


ROUTES = [("POST", "/api/commands/execute", execute), ("POST", "/api/commands/confirm", confirm)]
