"""Answers a slash command or a pressed button after the request has ended, through the address that came with it.

Source: Slack "Handling user interaction": at most five times, within 30 minutes. The address needs no token: it is a secret.
"""

from __future__ import annotations

from typing import Any

from buildnet_cli.channels.body import json_bytes
from buildnet_cli.channels.webhook import slack_answer
from buildnet_cli.net.answer import classify, refuse_web_page
from buildnet_cli.net.http import HttpClient


async def answer(http: HttpClient, url: str, body: dict[str, Any], *, timeout_secs: float = 15.0) -> None:
    """Send what `reply` made to an answer_url. Raises ChannelError on any refusal, such as when it is too late."""
    headers = {"content-type": "application/json; charset=utf-8"}
    answered = await http.request("POST", url, headers=headers, content=json_bytes(body), timeout_secs=timeout_secs)
    slack_answer.check(answered)
    classify(answered)
    refuse_web_page(answered)
