"""What our own mail server found out about a mail when it took it: SPF and DMARC. Pure; for the record, never decisive.

Source: RFC 8601.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\\.|[();]|[^"\\();]+|["\\]')
_RESULT = re.compile(r"\s*(?P<method>[a-z0-9-]+)(?:\s*/\s*[0-9]+)?\s*=\s*(?P<result>[a-z]+)\b", re.IGNORECASE)
_AUTHSERV_ID = re.compile(r'\s*(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s"]+))(?:\s+[0-9]+)?\s*')


def results(fields: Iterable[str], authserv_id: str) -> dict[str, str]:
    """Result by method, such as `{"spf": "pass"}`, of the topmost field that the server of that name wrote; else empty.

    fields: the values of Authentication-Results, from the top. authserv_id: empty if no server is trusted.
    """
    for field in fields:
        name, *parts = _parts(field)
        found = _AUTHSERV_ID.fullmatch(name)
        if found and authserv_id and (found["quoted"] or found["plain"] or "").lower() == authserv_id.lower():
            matches = [match for part in parts if (match := _RESULT.match(part))]
            # A method may stand there more than once, as one signature may pass and another not; the first is taken.
            return {match["method"].lower(): match["result"].lower() for match in reversed(matches)}
    return {}


def _parts(field: str) -> Iterator[str]:
    """What stands between semicolons, without comments."""
    depth, text = 0, ""
    for part in _TOKEN.findall(field):
        if part in "()":
            depth = max(0, depth + (1 if part == "(" else -1))
        elif depth == 0 and part == ";":
            yield text
            text = ""
        elif depth == 0:
            text += part
    yield text
