"""Signs requests for Amazon. Pure.

Source: AWS "Create a signed AWS API request" (Signature Version 4) and its published test suite.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is good for: one day, one region, one service."""

    day: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


def signed_headers(
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    access_key_id: str,
    secret_access_key: str,
    session_token: str = "",
    region: str,
    service: str,
    now: datetime,
) -> dict[str, str]:
    """The headers by lower-case name, with `host`, `x-amz-date` and `authorization`. now: aware."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = Scope(stamp[:8], region, service)
    signed = {name.lower(): value for name, value in headers.items()} | {"host": urlsplit(url).netloc, "x-amz-date": stamp}
    if session_token:
        signed["x-amz-security-token"] = session_token
    value = signature(method, url, body, signed, secret_access_key=secret_access_key, scope=scope, stamp=stamp)
    names = ";".join(sorted(signed))
    signed["authorization"] = f"{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={names}, Signature={value}"
    return signed


def signature(
    method: str, url: str, body: bytes, headers: Mapping[str, str], *, secret_access_key: str, scope: Scope, stamp: str
) -> str:
    """The signature in hexadecimal digits. headers: all that are signed, by lower-case name. stamp: `20150830T123600Z`."""
    parts = urlsplit(url)
    query = sorted(
        (quote(name, safe="~"), quote(value, safe="~")) for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    canonical = "\n".join(
        (
            method,
            quote(parts.path or "/", safe="/~"),
            "&".join(f"{name}={value}" for name, value in query),
            *(f"{name}:{' '.join(headers[name].split())}" for name in sorted(headers)),
            "",
            ";".join(sorted(headers)),
            hashlib.sha256(body).hexdigest(),
        )
    )
    to_sign = "\n".join((ALGORITHM, stamp, str(scope), hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{secret_access_key}".encode()
    for part in (scope.day, scope.region, scope.service, "aws4_request"):
        key = _mac(key, part)
    return _mac(key, to_sign).hex()


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
