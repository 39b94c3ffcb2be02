"""Keeps secrets out of whatever a person or a program reads: logs, errors, answers, rows.

Every secret value is registered when it is read; `scrub` then replaces it in any text, in the forms it travels in.
"""

from __future__ import annotations

import base64
import html
import itertools
import json
import re
import threading
from functools import cached_property
from urllib.parse import quote

MASK = "***"

# Shorter values would blank out ordinary words; `config validate` warns about secrets this short.
_SHORTEST = 4

# URLs that are credentials themselves. Source: Slack "Incoming webhooks" and "Handling user interaction" (response URLs),
# Discord "Webhook" and "Receiving and Responding", Telegram "Making requests", RFC 3986 3.2.1 (user:password@host).
_SECRET_URLS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(hooks\.slack\.com/(?:services|workflows|triggers|commands|actions)/)[^\s\"'<>\\]+",
        r"(discord(?:app)?\.com/api/(?:v[0-9]+/)?(?:webhooks|interactions)/[0-9]+/)[^\s\"'<>\\/?]+",
        r"(/bot[0-9]+(?::|%3a))[^\s\"'<>\\/?]+",
        r"(://[^\s\"'<>\\/@:]*:)[^\s\"'<>\\/]+(?=@)",
    )
)

# Google's access tokens, which change every hour. Source: Google "OAuth 2.0", "Access tokens".
_SHORT_LIVED = re.compile(r"(\bya29\.)[\w.-]+")

# What URL encoding, JSON and HTML all leave as it is.
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")


class Redactor:
    """Knows secrets and masks them. The program has one, behind `register` and `scrub`; it may be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forms: tuple[_Form, ...] = ()

    def register(self, secret: str) -> None:
        with self._lock:
            known = {form.text: form for form in self._forms}
            texts = [text for text in (secret, *_base64_forms(secret)) if len(text) >= _SHORTEST and text not in known]
            if len(secret) < _SHORTEST or not texts:
                return
            # Longest first: a secret that begins like another must not leave that one's tail behind.
            forms = [*self._forms, *(_Form(text) for text in dict.fromkeys(texts))]
            self._forms = tuple(sorted(forms, key=lambda form: len(form.text), reverse=True))

    def is_innocent(self, text: str) -> bool:
        for form in self._forms:  # a loop, for it is run for every text that comes in
            if form.core in text:
                return False
        return "/" not in text and "ya29." not in text

    def scrub(self, text: str) -> str:
        if self.is_innocent(text):
            return text
        # A mask may complete a secret that itself holds asterisks, so it goes on until nothing changes.
        while (masked := self._mask_once(text)) != text:
            text = masked
        return text

    def _mask_once(self, text: str) -> str:
        for form in self._forms:
            text = form.mask(text)
        if "/" in text:
            for pattern in _SECRET_URLS:
                text = pattern.sub(rf"\1{MASK}", text)
        return _SHORT_LIVED.sub(rf"\1{MASK}", text) if "ya29." in text else text


class _Form:
    """One text to mask, however URLs, JSON and HTML spell its characters."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Looking for this part first costs next to nothing, and nearly every text is without it.
        self.core = max(_PLAIN.findall(text), key=len, default="")

    def mask(self, text: str) -> str:
        if self.core not in text:
            return text
        return text.replace(self.text, MASK) if self.core == self.text else self._pattern.sub(MASK, text)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # By runs of one character: `\\` and `\\\\` side by side would otherwise match in exponentially many ways.
        return re.compile("".join(_spellings(character, len(list(run))) for character, run in itertools.groupby(self.text)))


def register(secret: str) -> None:
    """Remember a secret value for `scrub`, with its Base64, URL-encoded, JSON-escaped and HTML-escaped forms."""
    _shared.register(secret)


def scrub(text: str) -> str:
    """The text with every registered secret, and every URL that is one, replaced by `***`. Twice is the same as once."""
    return _shared.scrub(text)


def is_innocent(text: str) -> bool:
    """Whether nothing in a text could be a secret, nor any part of it once JSON is read; told at a glance, so no is no proof."""
    return _shared.is_innocent(text)


def scrub_json(value: object) -> object:
    """The same value, ready for JSON, with every text in it scrubbed; a number that is a secret becomes text."""
    if isinstance(value, dict):
        return {scrub(str(name)): scrub_json(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [scrub_json(part) for part in value]
    if value is None or isinstance(value, bool):
        return value
    text = str(value)
    masked = scrub(text)
    return value if isinstance(value, int | float) and masked == text else masked


_shared = Redactor()


def _base64_forms(secret: str) -> list[str]:
    """What Base64 of a longer text shows of a secret inside it: three alignments, without what its neighbours decide."""
    raw = secret.encode("utf-8", "surrogatepass")
    forms = []
    for offset in range(3):
        start, end = -(-offset * 8 // 6), (offset + len(raw)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            forms.append(encode(b"\0" * offset + raw).decode("ascii")[start:end])
    return forms


def _spellings(character: str, count: int) -> str:
    """A pattern for a run of one character in every way it may be written."""
    if _PLAIN.fullmatch(character):
        return re.escape(character * count)
    ways = {
        character,
        quote(character, safe="", errors="surrogatepass"),
        json.dumps(character)[1:-1],
        "".join(f"\\u{unit:04x}" for unit in _utf16(character)),
        html.escape(character),
        f"&#{ord(character)};",
        f"&#x{ord(character):x};",
        *({" ": ["+"], "/": ["\\/"]}.get(character, [])),
    }
    # The longest first, so that `\\\\` is not taken for half of itself.
    return "(?i:" + "|".join(re.escape(way * count) for way in sorted(ways, key=len, reverse=True)) + ")"


def _utf16(character: str) -> list[int]:
    raw = character.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(raw[index : index + 2], "big") for index in range(0, len(raw), 2)]
