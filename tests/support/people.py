"""People who text the application and write to its bot, through the stand-ins of the providers between them."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from tests.support.http_inbox import HttpInbox


def twilio_posts(inbox: HttpInbox, what: str, **said: Any) -> dict[str, Any]:
    """Have Twilio's stand-in post a genuine request. what: `say` or `report`; said: as those routes take it."""
    return _post(f"{inbox.url}/twilio/{what}", said)


def writes_to_bot(inbox: HttpInbox, who: int, **said: Any) -> dict[str, Any]:
    """Write to the bot of Telegram's stand-in. said: text, press, chat, message."""
    return _post(f"{inbox.url}/telegram/say", {"from": who, **said})


def _post(url: str, body: Any) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found
