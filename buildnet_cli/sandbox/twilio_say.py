"""Plays the phone of whoever texts the application, and Twilio when it reports: genuine requests, made on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from buildnet_cli.errors import ChannelError, UsageError
from buildnet_cli.net.answer import Answer
from buildnet_cli.sandbox import call, twilio, twilio_calls
from buildnet_cli.sandbox.front import Front, parsed, read_body
from buildnet_cli.sandbox.reading import Reading

_SAY: Final = 'write {"from": "+14155550123", "text": "STATUS", "url": "http://127.0.0.1:9876/api/notifications/sms/inbound"}'
_REPORT: Final = 'write {"sid": "SM…", "status": "delivered", "url": "http://127.0.0.1:9876/api/notifications/sms/status"}'


def routes(front: Front) -> Sequence[BaseRoute]:
    """`{PREFIX}/say` and `{PREFIX}/report`; both take `fields` for what is out of the ordinary, and `to` for where to post."""
    phone = _Phone(front)
    return (
        Route(f"{twilio.PREFIX}/say", phone.say, methods=["POST"]),
        Route(f"{twilio.PREFIX}/report", phone.report, methods=["POST"]),
    )


class _Phone:
    def __init__(self, front: Front) -> None:
        self._front = front

    async def say(self, request: Request) -> Response:
        """What the application answers is in the inbox as a text message, too."""
        given = await _texts(request, ("from", "text", "url"), _SAY)
        made = twilio_calls.text_message(given["url"], given["from"], given["text"], **given["fields"])
        answer = await _posted(made, given)
        if answer is None:
            return JSONResponse({"status": 0, "answer": []})
        answered = twilio_calls.answered(answer.text) if answer.status < 300 else []
        for text in answered:
            title, _, line = text.partition("\n")
            form = {"To": given["from"], "From": twilio.FROM_NUMBER, "Body": text}
            reading = Reading("sms", title, line, note=f"from {twilio.FROM_NUMBER} · answered")
            self._front.keep(given["from"], "POST", answer.headers, form, provider=twilio.PROVIDER, reading=reading)
        return JSONResponse({"status": answer.status, "answer": answered})

    async def report(self, request: Request) -> Response:
        given = await _texts(request, ("sid", "status", "url"), _REPORT)
        answer = await _posted(twilio_calls.status_report(given["url"], given["sid"], given["status"], **given["fields"]), given)
        return JSONResponse({"status": answer.status if answer is not None else 0})


async def _texts(request: Request, names: Sequence[str], usage: str) -> dict[str, Any]:
    """The named texts of a JSON object, and `fields` and `to`. Raises UsageError."""
    given = parsed(await read_body(request))
    if not isinstance(given, Mapping) or not all(isinstance(given.get(name), str) for name in names):
        raise UsageError(usage)
    fields, to = given.get("fields", {}), given.get("to", "")
    if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()) or not isinstance(to, str):
        raise UsageError("fields are texts by their names, to is a URL")
    return {**{name: given[name] for name in names}, "fields": fields, "to": to}


async def _posted(made: call.Call, given: Mapping[str, Any]) -> Answer | None:
    """The answer; None if nobody gave one."""
    try:
        return await call.post(made, given["to"])
    except ChannelError:
        return None
