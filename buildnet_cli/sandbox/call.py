"""What a stand-in sends to an application that runs on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from buildnet_cli.errors import UsageError
from buildnet_cli.net.answer import Answer
from buildnet_cli.net.http import HttpClient

_HERE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Call:
    """A POST. url: where the application believes to be reached; providers sign it."""

    url: str
    headers: Mapping[str, str]
    body: bytes


async def post(call: Call, to: str = "") -> Answer:
    """Make it. to: where the application really is, if something stands between; its URL by default.

    Raises UsageError if that is not on this machine; ChannelError if nobody answers.
    """
    url = to or call.url
    check_here(url)
    http = HttpClient()
    try:
        return await http.request("POST", url, headers=call.headers, content=call.body)
    finally:
        await http.close()


def check_here(url: str) -> None:
    """Raises UsageError unless a URL leads to this machine: nobody else is to be called in a provider's name."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if host not in _HERE or not url.startswith(("http://", "https://")):
        raise UsageError("a stand-in calls this machine only: write a URL such as http://127.0.0.1:9876/…", where="url")
