"""Secrets that are looked for: a value for every place of the configuration that holds one, and every spelling of it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from buildnet_cli.config.origin import KeyPath
from buildnet_cli.config.root import Config
from buildnet_cli.config.shape import Shape

_ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
_DEEPEST = 12


def secret_places() -> list[KeyPath]:
    """Every key of the configuration whose value is a credential, as the models say it. Lists have one entry, 0."""
    # `webhook` is another spelling of `webhooks`.
    return [path for path in _places(Shape.of(Config), ()) if "webhook" not in path]


def canary(name: str, *, is_plain: bool = False) -> str:
    """A value that stands nowhere else. is_plain: of letters, digits and hyphens alone."""
    tail = hashlib.sha256(name.encode()).hexdigest()[:20]
    return f"c4nary-{tail}" if is_plain else f"c4nary/{tail}+x=z"


def forms(secret: str) -> set[bytes]:
    """A secret in every spelling that somebody could read it in."""
    raw = secret.encode()
    return {raw, base64.b64encode(raw).rstrip(b"="), quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode()}


def found_in(content: bytes, secrets: Mapping[str, str]) -> list[str]:
    """Whose secrets a content holds: as they are, spelled otherwise, or within something longer that is in Base64."""
    texts = [content, *_decoded(content)]
    return [name for name, secret in secrets.items() if any(form in text for form in forms(secret) for text in texts)]


def _decoded(content: bytes) -> Iterator[bytes]:
    for match in _ENCODED.finditer(content):
        run = match[0].replace(b"-", b"+").replace(b"_", b"/")
        for start in range(4):
            part = run[start : start + (len(run) - start) // 4 * 4]
            try:
                yield base64.b64decode(part, validate=True)
            except binascii.Error:
                continue


def _places(shape: Shape, path: KeyPath) -> Iterator[KeyPath]:
    if shape.is_secret:
        yield path
        return
    for part in [*shape.keys, 0]:
        below = shape.child(part) if len(path) < _DEEPEST else None
        if below is not None:
            yield from _places(below, (*path, part))
