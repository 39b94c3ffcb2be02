"""What Twilio's library sends its requests through: our own way out, so that nothing blocks and the address can be another."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from buildnet_cli.channels.sms import refusal
from buildnet_cli.net.http import HttpClient

ADDRESS = "https://api.twilio.com"


class Door:
    """Has the shape of the library's asynchronous HTTP client.

    base_url: where the API is; empty for Twilio's own address. timeout_secs: for one request in all.
    """

    is_async = True

    def __init__(self, http: HttpClient, base_url: str, timeout_secs: float) -> None:
        self._http = http
        self._base_url = (base_url or ADDRESS).rstrip("/")
        self._timeout_secs = timeout_secs

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  (the library's own signature)
        allow_redirects: bool = False,
    ) -> Any:
        """Make one request. Raises ChannelError on any refusal, with what it means for the message.

        The library's own settings for time and redirects are not heeded.
        """
        from twilio.http.response import Response

        target = self._base_url + urlsplit(url).path + (f"?{urlencode(params)}" if params else "")
        content = urlencode(data, doseq=True, errors="replace").encode("ascii") if data else b""
        given = dict(headers or {})
        if auth is not None:
            given["Authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode("ascii")
        answer = await self._http.request(method, target, headers=given, content=content, timeout_secs=self._timeout_secs)
        refusal.check(answer)
        return Response(answer.status, answer.text, dict(answer.headers))
