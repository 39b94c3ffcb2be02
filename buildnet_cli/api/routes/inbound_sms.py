"""Text messages coming in: Twilio calls us, and our answer is what it texts back."""

from __future__ import annotations

import logging
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from buildnet_cli.api.proof import refuse
from buildnet_cli.api.requests import read_raw, services_of
from buildnet_cli.api.services import Services
from buildnet_cli.channels.sms import inbound, signature, twiml
from buildnet_cli.commands.inbound import ForgedError, Inbound
from buildnet_cli.commands.spoken import answer_to
from buildnet_cli.config.channels.sms import Sms
from buildnet_cli.errors import BuildNetError, NotFoundError, UsageError
from buildnet_cli.events.model import EventDraft

_log = logging.getLogger(__name__)

DEFAULT_ROUTE: Final = "/api/notifications/sms/inbound"
MAX_BODY: Final = 64 << 10


async def text(request: Request) -> Response:
    """A text message. Whoever may ask is answered in the same breath; a stranger with silence.

    The route exists only while text messages are commands and the account's token is known.
    """
    services = services_of(request)
    sms = _account(services, request.url.path)
    body, headers = await read_raw(request, MAX_BODY), dict(request.headers)
    try:
        given = _read(services, sms, request, headers, body)
    except (ForgedError, UsageError) as exc:
        return await refuse(services, request, "sms", exc, forged=403)
    if isinstance(given, inbound.Keyword):
        await _tell_of(services, given)
        return _twiml(twiml.silence())
    try:
        result = await services.door.take(given)
    except BuildNetError as exc:
        _log.error("a text message could not be taken: %s", exc.message)
        return Response(status_code=503)  # Twilio says so in its log; nothing has run
    said = answer_to(result, services.clock.now()) if result is not None else ""
    return _twiml(twiml.answer(said) if said else twiml.silence())


def _account(services: Services, path: str) -> Sms:
    """The account of this route. Raises NotFoundError while there is no such route."""
    remote, sms = services.config().remote_control, services.sms()
    route = remote.sms.webhook_url if remote.sms is not None else DEFAULT_ROUTE
    if not remote.takes_sms or sms is None or path != route:
        raise NotFoundError("Not Found")
    return sms


def _read(services: Services, sms: Sms, request: Request, headers: dict[str, str], body: bytes) -> Inbound | inbound.Keyword:
    base = services.config().agent.api.public_base_url
    # Unless we were told how we are called, it is whatever the caller says, encrypted before it reached us or not: the signature
    # covers it, so a forger gains nothing by another name.
    host = request.headers.get("host", "")
    bases = [base] if base else [f"https://{host}", f"http://{host}"]
    for number, candidate in enumerate(bases, start=1):
        url = signature.public_url(candidate, request.url.path, request.url.query)
        try:
            return inbound.read(sms, url, headers, body)
        except ForgedError:
            if number == len(bases):
                raise
    raise AssertionError("there is always a last one")


async def _tell_of(services: Services, keyword: inbound.Keyword) -> None:
    """The carrier has acted on a bare word: somebody else has to know that this phone hears nothing more, or hears again."""
    words = {
        inbound.Wish.STOP: f"{keyword.phone} sent {keyword.word}: the carrier sends it nothing more until it sends START",
        inbound.Wish.START: f"{keyword.phone} sent {keyword.word}: the carrier sends to it again",
        inbound.Wish.HELP: f"{keyword.phone} sent {keyword.word}: the carrier answered by itself",
    }
    await services.door.turn_away("sms", keyword.phone, f"a carrier's keyword: {keyword.word}", text=keyword.word)
    if keyword.wish is not inbound.Wish.HELP:
        await services.ingest.accept(EventDraft("custom.sms.keyword", words[keyword.wish], subject=keyword.phone), source="sms")


def _twiml(document: str) -> Response:
    return Response(document, media_type=twiml.MEDIA_TYPE)
