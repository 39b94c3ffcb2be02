"""Keeps secrets out of whatever a person or a program reads: logs, errors, answers, rows.

Every secret value is registered when it is read; `scrub` then replaces it in any text, in the forms it travels in.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from urllib.parse import quote, quote_plus

MASK = "***"

# Shorter values would blank out ordinary words; `config validate` warns about secrets this short.
_SHORTEST = 4

# URLs that are credentials themselves. Source: Slack "Incoming webhooks", Discord "Webhook" resource, Telegram "Making requests".
_SECRET_URLS = re.compile(
    r"(?P<keep>hooks\.slack\.com/(?:services|workflows|triggers)/"
    r"|discord(?:app)?\.com/api/(?:v\d+/)?(?:webhooks|interactions)/\d+/"
    r"|/bot\d+:"
    r"|://[^/@\s:]{1,255}:)"
    r"(?P<secret>[^\s\"'<>@]{1,2000}?)(?P<end>(?=@)|(?=[\s\"'<>]|$)|(?=/send|/get|/edit|/set|/answer))"
)

_lock = threading.Lock()
_forms: set[str] = set()
_pattern: re.Pattern[str] | None = None


def register(secret: str) -> None:
    """Remember a secret value for `scrub`, with its Base64, URL-encoded and JSON-escaped forms."""
    global _pattern
    if len(secret) < _SHORTEST:
        return
    with _lock:
        if secret in _forms:
            return
        _forms.update(_encodings(secret))
        _pattern = re.compile("|".join(re.escape(form) for form in sorted(_forms, key=len, reverse=True)))


def scrub(text: str) -> str:
    """The text with every registered secret, and every URL that is one, replaced by `***`. Scrubbing twice changes nothing more."""
    pattern = _pattern
    if pattern is not None:
        text = pattern.sub(MASK, text)
    return _SECRET_URLS.sub(lambda match: match["keep"] + MASK, text) if "/" in text else text


def _encodings(secret: str) -> set[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    forms = {
        secret,
        quote(secret, safe="", errors="replace"),
        quote_plus(secret, errors="replace"),
        json.dumps(secret)[1:-1],
    }
    # Base64 of a text that holds the secret: three alignments, without the characters its neighbours decide.
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            start = -(-offset * 8 // 6)
            usable = (offset + len(raw)) * 8 // 6
            forms.add(encode(b"\0" * offset + raw).decode("ascii")[start:usable])
    return {form for form in forms if len(form) >= _SHORTEST}
