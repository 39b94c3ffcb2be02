"""The signature that lets a receiver tell our requests from forged and replayed ones. Pure.

Source: Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`, sent as `v1,` and Base64.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

_PREFIX = "whsec_"


def signature_headers(secret: str, delivery_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """`webhook-signature` for one request, to go out beside `webhook-id` and `webhook-timestamp`."""
    signed = f"{delivery_id}.{timestamp_of(sent_at)}.".encode() + body
    digest = hmac.new(_key_of(secret), signed, hashlib.sha256).digest()
    return {"webhook-signature": f"v1,{base64.b64encode(digest).decode('ascii')}"}


def timestamp_of(sent_at: datetime) -> str:
    """Whole seconds since 1970, as `webhook-timestamp` carries them."""
    return str(int(sent_at.timestamp()))


def _key_of(secret: str) -> bytes:
    """24 to 64 bytes in Base64, with or without `whsec_`, are the key, as in the official libraries; else the text itself is."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        return secret.encode()
    return key if 24 <= len(key) <= 64 else secret.encode()
