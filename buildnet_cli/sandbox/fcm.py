"""Firebase Cloud Messaging under `/fcm`, and the endpoint where its access tokens are asked for, with their limits and errors.

`GET /fcm/service-account.json` hands out the one account that is accepted; its key is made anew with every sandbox.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from buildnet_cli.sandbox.fcm_message import flaw_of
from buildnet_cli.sandbox.front import Front, hang, parsed, read_body
from buildnet_cli.sandbox.inbox import Answer
from buildnet_cli.sandbox.reading import Reading

PROVIDER: Final = "fcm"
PREFIX: Final = "/fcm"
PROJECT: Final = "buildnet-sandbox"
"""The one project that there is."""
TOKEN_FAULTS: Final = "fcm-token"  # noqa: S105  (a name)
"""Under which name the answers of the token endpoint can be scripted."""
TOKENS: Final = "ya29.sandbox-"
"""How every access token begins."""
BROKEN_TOPIC: Final = "apns-broken"
"""A topic whose messages fail at Apple."""

_EMAIL = f"notify@{PROJECT}.iam.gserviceaccount.com"
_KEY_ID = "5andb0x5andb0x5andb0x5andb0x5andb0x5andb"
_SCOPES = ("https://www.googleapis.com/auth/firebase.messaging", "https://www.googleapis.com/auth/cloud-platform")
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LASTS_SECS = 3_599
_LONGEST = timedelta(hours=1)
_SKEW = timedelta(minutes=5)

# What the real service says of a status: its word, and FCM's own code where it has one.
_SAID: Final[Mapping[int, tuple[str, str]]] = {
    400: ("INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    401: ("UNAUTHENTICATED", ""),
    403: ("PERMISSION_DENIED", ""),
    404: ("NOT_FOUND", "UNREGISTERED"),
    429: ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
    500: ("INTERNAL", "INTERNAL"),
    503: ("UNAVAILABLE", "UNAVAILABLE"),
}


def routes(front: Front) -> Sequence[Route]:
    """The account, the token endpoint, and the one method of the API."""
    fcm = _Fcm(front)
    return [
        Route(f"{PREFIX}/service-account.json", fcm.account, methods=["GET"]),
        Route(f"{PREFIX}/token", fcm.token, methods=["POST"]),
        Route(f"{PREFIX}/v1/projects/{{project}}/messages:send", fcm.send, methods=["POST"]),
    ]


class _Fcm:
    def __init__(self, front: Front) -> None:
        self._front = front
        self._numbers = itertools.count(1)
        self._tokens: dict[str, float] = {}

    @functools.cached_property
    def _pair(self) -> tuple[str, str]:
        """The private key, which the account holds, and the public one, which we check with; both as PEM."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return private.decode("ascii"), public.decode("ascii")

    async def account(self, request: Request) -> Response:
        return JSONResponse(
            {
                "type": "service_account",
                "project_id": PROJECT,
                "private_key_id": _KEY_ID,
                "private_key": self._pair[0],
                "client_email": _EMAIL,
                "token_uri": _token_uri(request),
            }
        )

    async def token(self, request: Request) -> Response:
        fields = parse_qs((await read_body(request)).decode("utf-8", "replace"))
        grant, assertion = fields.get("grant_type", [""])[0], fields.get("assertion", [""])[0]
        scripted = self._front.inbox.next_answer(TOKEN_FAULTS, TOKEN_FAULTS)
        if scripted.hangs:
            await hang(request)
        if scripted.status >= 300 or scripted.text is not None:
            return _plainly(scripted) or _no_token("invalid_grant", f"scripted {scripted.status}", scripted.status)
        if grant != _GRANT:
            return _no_token("unsupported_grant_type", f"Invalid grant_type: {grant}")
        refusal = self._flaw_of(assertion, _token_uri(request))
        if refusal is not None:
            return refusal
        token = f"{TOKENS}{next(self._numbers)}"
        self._tokens[token] = self._front.clock.monotonic() + _LASTS_SECS
        return JSONResponse({"access_token": token, "expires_in": _LASTS_SECS, "token_type": "Bearer"})

    async def send(self, request: Request) -> Response:
        content = await read_body(request)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or self._tokens.get(token, 0.0) <= self._front.clock.monotonic():
            return _error(401, "Request had invalid authentication credentials.")
        if request.path_params["project"] != PROJECT:
            return _error(403, "Permission 'cloudmessaging.messages.create' denied on resource (or it may not exist).")
        body = parsed(content)
        flaw = flaw_of(body, len(content))
        if flaw is not None:
            return _invalid(*flaw)
        message = body["message"]
        name = next(str(message[kind]) for kind in ("topic", "token", "condition") if kind in message)
        if name == BROKEN_TOPIC:
            return _error(401, "Auth error from APNS or Web Push Service", "THIRD_PARTY_AUTH_ERROR")
        _, answer = await self._front.take(request, name, body, provider=PROVIDER, reading=_reading(message))
        if answer.status >= 300 or answer.text is not None:
            headers = {"Retry-After": f"{answer.retry_after:g}"} if answer.retry_after is not None else {}
            return _plainly(answer) or _error(answer.status, f"scripted {answer.status}", headers=headers)
        return JSONResponse({"name": f"projects/{PROJECT}/messages/{next(self._numbers):019d}"})

    def _flaw_of(self, assertion: str, token_uri: str) -> Response | None:
        """What is wrong with an assertion, as Google says it; None if nothing is."""
        import jwt

        try:
            # The times are looked at below, by this sandbox's own clock.
            claims = jwt.decode(
                assertion,
                self._pair[1],
                algorithms=["RS256"],
                audience=token_uri,
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except jwt.InvalidSignatureError:
            return _no_token("invalid_grant", "Invalid JWT Signature.")
        except jwt.InvalidAudienceError:
            return _no_token("invalid_grant", f"Invalid JWT: audience is not {token_uri}")
        except jwt.PyJWTError:
            return _no_token("invalid_grant", "Invalid JWT: Failed audience check or malformed assertion")
        if claims.get("iss") != _EMAIL:
            return _no_token("invalid_grant", "Invalid grant: account not found")
        if claims.get("scope") not in _SCOPES:
            return _no_token("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        now, issued, expires = self._front.clock.now().timestamp(), _moment(claims.get("iat")), _moment(claims.get("exp"))
        if not now < expires <= issued + _LONGEST.total_seconds() or issued > now + _SKEW.total_seconds():
            told = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
            return _no_token("invalid_grant", f"{told} Check your iat and exp values in the JWT claim.")
        return None


def _token_uri(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}{PREFIX}/token"


def _moment(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _reading(message: Mapping[str, Any]) -> Reading:
    shown, data = message.get("notification") or {}, message.get("data") or {}
    fields = tuple((name, str(value)) for name, value in data.items())
    urgent = (message.get("android") or {}).get("priority") == "high"
    return Reading("push", str(shown.get("title", "")), str(shown.get("body", "")), fields, note="rings" if urgent else "")


def _no_token(error: str, told: str, status: int = 400) -> Response:
    return JSONResponse({"error": error, "error_description": told}, status)


def _plainly(answer: Answer) -> Response | None:
    """The very text that was asked for in advance; None if it was none."""
    return PlainTextResponse(answer.text, answer.status) if answer.text is not None else None


def _error(status: int, told: str, code: str | None = None, *, headers: Mapping[str, str] | None = None) -> Response:
    word, own = _SAID.get(status, ("UNKNOWN", ""))
    code = own if code is None else code
    details = [{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}] if code else []
    error = {"code": status, "message": told, "status": word, **({"details": details} if details else {})}
    return Response(json.dumps({"error": error}), status, headers, "application/json; charset=UTF-8")


def _invalid(field: str, told: str) -> Response:
    violation = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": field, "description": told}]}
    error = {"code": 400, "message": told, "status": "INVALID_ARGUMENT", "details": [violation]}
    return JSONResponse({"error": error}, 400)
