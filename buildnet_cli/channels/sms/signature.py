"""Whether a request is Twilio's own: its signature covers the public URL and every field. Pure.

Source: Twilio "Webhooks security", "Validating requests": base64 of HMAC-SHA1, keyed with the account's auth token, over the URL
and the sorted fields, blank ones too; a JSON body is signed by `bodySHA256` in the URL. No time is in it: whoever saw a genuine
request can send it again, so its MessageSid has to be remembered.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

from buildnet_cli.commands.inbound import ForgedError

HEADER: Final = "x-twilio-signature"

_MOST_FIELDS = 500
_FORM = "application/x-www-form-urlencoded"
_PORTS: Final = {"http": "80", "https": "443"}
# No user name, no fragment, nothing that is not ASCII; an IPv6 address stands in brackets.
_URL = re.compile(
    r"(?P<site>(?P<scheme>https?)://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]))(?::(?P<port>[0-9]{1,5}))?(?P<rest>(?:[/?][!-\"$-~]*)?)"
)


class _Fields:
    """A form as Twilio's library reads it: a name may have several values."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._pairs = pairs

    def __bool__(self) -> bool:
        return bool(self._pairs)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._pairs)

    def getall(self, wanted: str) -> list[str]:
        return [value for name, value in self._pairs if name == wanted]


def public_url(base_url: str, route: str, query: str = "") -> str:
    """The URL that Twilio called, and signed.

    base_url: `agent.api.public_base_url`; what a proxy or the caller says of the host is not trusted.
    query: as it came, undecoded, without the question mark.
    """
    return f"{base_url.rstrip('/')}{route}" + (f"?{query}" if query else "")


def verified(auth_token: str, url: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    """The fields of a request that Twilio has signed; of a name with several values, the first.

    url: from `public_url`. headers: by lower-case name. body: as it came.
    Raises ForgedError if anything at all is wrong with it.
    """
    from twilio.request_validator import RequestValidator

    if not auth_token:
        raise ForgedError("there is no auth_token to prove the request with")
    pairs, is_form = _pairs(headers.get("content-type", ""), body)
    if not is_form and not _is_body_of(url, body):
        raise ForgedError("the body is not the one that was signed")
    # Twilio's library compares, and takes ports off, in ways that are not for us: it only does the sum.
    validator = RequestValidator(auth_token)
    signed = _Fields(pairs if is_form else ())
    given = headers.get(HEADER, "").encode("utf-8", "replace")
    genuine = [hmac.compare_digest(validator.compute_signature(each, signed).encode("ascii"), given) for each in _spellings(url)]
    if not any(genuine):
        raise ForgedError("the request is not signed by Twilio for this URL")
    return dict(reversed(pairs))


def _pairs(content_type: str, body: bytes) -> tuple[list[tuple[str, str]], bool]:
    """The fields of a body, and whether it is a form; else it is JSON."""
    is_form = content_type.partition(";")[0].strip().lower() == _FORM
    try:
        if is_form:
            text = body.decode("utf-8")
            return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS), True
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise ForgedError("the body cannot be read") from None
    if not isinstance(value, dict):
        raise ForgedError("the body cannot be read")
    # A lone surrogate is no text that anything further on could write down.
    texts = [(name, part.encode("utf-8", "replace").decode()) for name, part in value.items() if isinstance(part, str)]
    return texts, False


def _is_body_of(url: str, body: bytes) -> bool:
    given = [value for name, value in parse_qsl(url.partition("?")[2]) if name == "bodySHA256"]
    expected = hashlib.sha256(body).hexdigest().encode("ascii")
    return len(given) == 1 and hmac.compare_digest(given[0].encode("utf-8", "replace"), expected)


def _spellings(url: str) -> tuple[str, ...]:
    """The URL with its port and without: Twilio signs either. None if the URL is not one that it can have called."""
    parts = _URL.fullmatch(url)
    if parts is None:
        return ()
    port = parts["port"] or _PORTS[parts["scheme"]]
    return f"{parts['site']}{parts['rest']}", f"{parts['site']}:{port}{parts['rest']}"
