"""Telegram's Bot API, method by method, as far as we use it to listen.

Source: Telegram Bot API "Getting updates", "setWebhook", "setMyCommands", "answerCallbackQuery".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from buildnet_cli.channels.body import json_bytes
from buildnet_cli.channels.telegram import refusal
from buildnet_cli.config.channels.telegram import Telegram
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer, json_object
from buildnet_cli.net.http import MAX_ANSWER, HttpClient

ADDRESS = "https://api.telegram.org"

_HEARD: Final = ("message", "callback_query")
# One update is at most some 150 KB: a long message in escapes, its entities, and the message that it answers.
_MOST_UPDATES = 20
_MAX_UPDATES_ANSWER = 4 << 20
_LONGEST_ALERT = 200


class Bot:
    """The bot that the configuration names. Every method raises ChannelError if Telegram refuses.

    http: shared with the channels; the caller opens and closes it. timeout_secs: for one request in all.
    """

    def __init__(self, telegram: Telegram, http: HttpClient, *, timeout_secs: float = 15.0) -> None:
        self._telegram = telegram
        self._http = http
        self._timeout_secs = timeout_secs

    async def post(
        self, method: str, params: Mapping[str, Any], *, timeout_secs: float | None = None, max_answer: int = MAX_ANSWER
    ) -> Answer:
        """Call a method; the answer, whatever it says."""
        token = self._telegram.bot_token.get_secret_value() if self._telegram.bot_token is not None else ""
        return await self._http.request(
            "POST",
            f"{(self._telegram.base_url or ADDRESS).rstrip('/')}/bot{token}/{method}",
            headers={"content-type": "application/json"},
            content=json_bytes(params),
            timeout_secs=timeout_secs or self._timeout_secs,
            max_answer=max_answer,
        )

    async def name(self) -> str:
        """What people call it by, without the @."""
        return str((await self._object("getMe")).get("username") or "")

    async def updates(self, offset: int, *, wait_secs: int) -> Sequence[Any]:
        """What has been written to it since, oldest first; empty if nothing comes within `wait_secs`.

        offset: the lowest update_id that is wanted; what lies before is forgotten by Telegram.
        """
        params = {"offset": offset, "limit": _MOST_UPDATES, "timeout": wait_secs, "allowed_updates": _HEARD}
        answer = await self._post_and_check(
            "getUpdates", params, timeout_secs=wait_secs + self._timeout_secs, max_answer=_MAX_UPDATES_ANSWER
        )
        found = json_object(answer).get("result")
        if not isinstance(found, list):
            raise ChannelError(f"{answer.host} answered with no list of updates", outcome=Outcome.RETRY, status=answer.status)
        return found

    async def set_webhook(self, url: str) -> None:
        """Have Telegram call a URL, with the configured secret, from now on."""
        secret = self._telegram.webhook_secret
        params = {"url": url, "secret_token": secret.get_secret_value() if secret is not None else "", "allowed_updates": _HEARD}
        await self._post_and_check("setWebhook", params)

    async def drop_webhook(self) -> None:
        """Have Telegram keep what is written for who asks; nothing that waits is lost."""
        await self._post_and_check("deleteWebhook", {"drop_pending_updates": False})

    async def webhook(self) -> Mapping[str, Any]:
        """Where Telegram calls, and how that goes: `{url, pending_update_count, last_error_message …}`; no URL if it does not."""
        return await self._object("getWebhookInfo")

    async def offer(self, commands: Mapping[str, str]) -> None:
        """Show commands with their descriptions in everybody's menu. A name has a-z, 0-9 and _, at most 32."""
        listed = [{"command": name, "description": text} for name, text in commands.items()]
        await self._post_and_check("setMyCommands", {"commands": listed})

    async def answer_press(self, press_id: str, text: str = "", *, is_alert: bool = False) -> None:
        """End the waiting of whoever pressed a button; every press needs it. An alert has to be read and closed."""
        params: dict[str, Any] = {"callback_query_id": press_id}
        if text:
            params |= {"text": text[:_LONGEST_ALERT], "show_alert": is_alert}
        await self._post_and_check("answerCallbackQuery", params)

    async def _object(self, method: str) -> Mapping[str, Any]:
        return refusal.read(await self._post_and_check(method, {})).result

    async def _post_and_check(self, method: str, params: Mapping[str, Any], **options: Any) -> Answer:
        answer = await self.post(method, params, **options)
        refusal.check(answer, refusal.read(answer))
        return answer
