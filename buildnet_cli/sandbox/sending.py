"""The providers' own requests: what a test has a stand-in send to us, as the provider would, or as a forger would."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.requests import Request

from buildnet_cli.errors import ChannelError, UsageError
from buildnet_cli.net.answer import Answer
from buildnet_cli.sandbox.call import Call, check_here, post
from buildnet_cli.sandbox.front import parsed, read_body

DEADLINE_SECS: Final = 3.0
"""How long Slack and Discord wait for an answer."""

FLAWS: Final = ("unsigned", "signature", "key", "old", "early", "body")
"""What can be wrong with a forged request: no signature, another one, one of another key, an old or early one, another body."""

Sign = Callable[[bytes, datetime, bool], dict[str, str]]
"""The headers that prove a body. The last: whether with another key than the provider's."""


async def wanted(request: Request) -> dict[str, Any]:
    """What is to be sent: `{url, kind, …}`. Raises UsageError if it is no object or goes beyond this machine."""
    value = parsed(await read_body(request))
    if not isinstance(value, dict):
        raise UsageError("tell as a JSON object what is to be sent")
    check_here(str(value.get("url")))
    return value


async def send(wish: Mapping[str, Any], body: bytes, content_type: str, now: datetime, sign: Sign) -> dict[str, Any]:
    """Post it, and what was answered: `{status, body}`; status 0 if nothing was in time. wish: may name a `flaw`.

    Raises UsageError for a flaw that nobody knows.
    """
    headers, body = _proved(str(wish.get("flaw") or ""), body, now, sign)
    call = Call(str(wish["url"]), {**headers, "content-type": content_type}, body)
    try:
        answer = await post(call, timeout_secs=DEADLINE_SECS)
    except ChannelError as refusal:
        return {"status": 0, "body": refusal.message}
    return {"status": answer.status, "body": _value(answer)}


def _proved(flaw: str, body: bytes, now: datetime, sign: Sign) -> tuple[dict[str, str], bytes]:
    if flaw and flaw not in FLAWS:
        raise UsageError(f"flaw is one of {', '.join(FLAWS)}", where="flaw")
    off = {"old": timedelta(seconds=-301), "early": timedelta(seconds=330)}.get(flaw, timedelta())
    headers = sign(body, now + off, flaw == "key")
    if flaw == "unsigned":
        headers = {}
    elif flaw == "signature":
        headers = {name: value if value.isdecimal() and len(value) < 20 else _other(value) for name, value in headers.items()}
    return headers, body + b" " if flaw == "body" else body


def _other(signature: str) -> str:
    return signature[:-1] + ("0" if signature[-1] != "0" else "1")


def _value(answer: Answer) -> Any:
    try:
        return json.loads(answer.text)
    except ValueError:
        return answer.text
