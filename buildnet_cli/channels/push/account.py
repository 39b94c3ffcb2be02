"""A service account: read from its JSON, and proving itself by a signed assertion. Pure.

Source: Google "Using OAuth 2.0 for Server to Server Applications": RS256 over iss, scope, aud, iat and exp, at most an hour.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from buildnet_cli.config.address import is_readable_on_the_way, split_url
from buildnet_cli.errors import ConfigError

SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"

_LIFETIME = timedelta(hours=1)
_NEW_KEY = "make a new key in the Firebase console, Project settings, Service accounts"
_NEEDED = ("client_email", "private_key", "token_uri")


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Who asks, the key it signs with, and where it asks for access."""

    email: str
    key: str = field(repr=False)
    key_id: str
    token_uri: str

    def assertion(self, now: datetime) -> str:
        """What is traded for an access token. Raises ConfigError if the key is none."""
        import jwt

        claims = {"iss": self.email, "scope": SCOPE, "aud": self.token_uri, "iat": now, "exp": now + _LIFETIME}
        headers = {"kid": self.key_id} if self.key_id else None
        try:
            return jwt.encode(claims, self.key, algorithm="RS256", headers=headers)
        except (ValueError, TypeError, jwt.PyJWTError):
            raise ConfigError("the private key of the service account cannot be read", hint=_NEW_KEY) from None


def read_account(text: str) -> ServiceAccount:
    """Read what the Firebase console hands out. Raises ConfigError if it is something else."""
    try:
        given: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigError("the credentials are no JSON", hint=_NEW_KEY) from None
    if not isinstance(given, dict) or given.get("type") != "service_account":
        raise ConfigError(
            "the credentials are JSON, but not of a service account",
            hint="google-services.json is for apps; " + _NEW_KEY,
        )
    lacking = [name for name in _NEEDED if not (isinstance(given.get(name), str) and given[name])]
    if lacking:
        raise ConfigError(f"the service account's JSON lacks {' and '.join(lacking)}", hint=_NEW_KEY)
    if _is_unsafe(given["token_uri"]):
        raise ConfigError("the service account's token_uri is no https address", hint=_NEW_KEY)
    key_id = given.get("private_key_id")
    return ServiceAccount(
        given["client_email"], given["private_key"], key_id if isinstance(key_id, str) else "", given["token_uri"]
    )


def _is_unsafe(url: str) -> bool:
    try:
        return is_readable_on_the_way(split_url(url))
    except ValueError:
        return True
