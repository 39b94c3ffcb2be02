"""The header that proves who we are to an endpoint. Pure.

Source: RFC 6750 (Bearer), RFC 7617 (Basic: Base64 of `user:password` in UTF-8).
"""

from __future__ import annotations

import base64

from pydantic import SecretStr

from buildnet_cli.config.channels.webhook import WebhookAuth


def header(auth: WebhookAuth) -> dict[str, str]:
    """One header, by lower-case name."""
    if auth.type == "basic":
        pair = f"{auth.username}:{_shown(auth.password)}".encode()
        return {"authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
    if auth.type == "header":
        return {auth.header.lower(): _shown(auth.token)}
    return {"authorization": f"Bearer {_shown(auth.token)}"}


def _shown(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""
