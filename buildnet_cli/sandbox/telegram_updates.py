"""What people write to the bot of Telegram's stand-in: kept until it is asked for, or posted to its webhook.

Source: Telegram Bot API "getUpdates", "setWebhook", "getWebhookInfo", "answerCallbackQuery", "setMyCommands"; the texts are those
of its server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from buildnet_cli.errors import ChannelError, UsageError
from buildnet_cli.sandbox.call import Call, check_here, post
from buildnet_cli.sandbox.front import Front, hang, parsed, read_body
from buildnet_cli.sandbox.reading import Reading
from buildnet_cli.sandbox.telegram_answer import Method, Params, RefusedError, scripted

GET_UPDATES: Final = "getUpdates"
"""Under this name, faults wait for whoever asks for updates."""

_FIRST_UPDATE = 870_000_001
# Far from the numbers of what the bot posts.
_FIRST_MESSAGE = 5_000_000
_MOST_WAITING = 1_000
_LONGEST_WAIT = 50
_WEBHOOK_IS_SET = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
_OTHER_ASKS = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_NO_QUERY = "Bad Request: query is too old and response timeout expired or query ID is invalid"


class Updates:
    """Counts, keeps and hands over updates; one bot's."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._waiting: deque[dict[str, Any]] = deque(maxlen=_MOST_WAITING)
        self._next_id = _FIRST_UPDATE
        self._news = asyncio.Condition()
        self._asked = 0
        self._url, self._secret, self._last_error = "", "", ""
        self._presses: dict[str, str] = {}
        self._commands: Sequence[Mapping[str, str]] = ()

    def methods(self) -> Mapping[str, Method]:
        """Methods of the API by their names in lower case."""
        return {
            "getupdates": self._get,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._webhook_info,
            "setmycommands": self._set_commands,
            "getmycommands": self._get_commands,
            "answercallbackquery": self._answer_press,
        }

    async def say(self, request: Request) -> Response:
        """Write to the bot: `{"from": 42, "text": "/status"}`, with `chat` in a group; `press` in the place of `text`, and in
        `message` the number of the message whose button that is; or a whole `{"update": …}`. Answers with its `update_id`, and
        with the `status` of the webhook if there is one; 0 if nobody answered.
        """
        given = parsed(await read_body(request))
        update = {
            "update_id": self._next_id,
            **_update(given, self._next_id - _FIRST_UPDATE, int(self._front.clock.now().timestamp())),
        }
        self._next_id += 1
        if isinstance(query := update.get("callback_query"), dict) and isinstance(message := query.get("message"), dict):
            self._presses[str(query.get("id"))] = str(message["chat"]["id"])
        status = await self._post(update) if self._url else None
        if not self._url:
            async with self._news:
                self._waiting.append(update)
                self._news.notify_all()
        return JSONResponse({"update_id": update["update_id"], "status": status})

    async def _post(self, update: Mapping[str, Any]) -> int:
        headers = {"content-type": "application/json"}
        if self._secret:
            headers["x-telegram-bot-api-secret-token"] = self._secret
        try:
            answer = await post(Call(self._url, headers, json.dumps(update).encode()))
        except ChannelError as exc:
            self._last_error = exc.message
            return 0
        # The real one would try again, at longer and longer intervals.
        self._last_error = "" if answer.status < 300 else f"Wrong response from the webhook: {answer.status}"
        return answer.status

    async def _get(self, request: Request, params: Params) -> Any:
        answer = self._front.inbox.next_answer(GET_UPDATES, GET_UPDATES)
        if answer.hangs:
            await hang(request)
        if (told := scripted(answer)) is not None:
            return told
        if self._url:
            raise RefusedError(409, _WEBHOOK_IS_SET)
        offset, limit = _number(params, "offset", 0), min(max(_number(params, "limit", 100), 1), 100)
        async with self._news:
            self._asked += 1
            turn = self._asked
            self._news.notify_all()
            while self._waiting and self._waiting[0]["update_id"] < offset:
                self._waiting.popleft()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(_number(params, "timeout", 0), _LONGEST_WAIT)):
                    await self._news.wait_for(lambda: self._waiting or self._url or turn != self._asked)
            if turn != self._asked:
                raise RefusedError(409, _OTHER_ASKS)
            if self._url:
                raise RefusedError(409, "Conflict: terminated by setWebhook request")
            return list(self._waiting)[:limit]

    async def _set_webhook(self, _request: Request, params: Params) -> Any:
        url, secret = str(params.get("url", "")), str(params.get("secret_token", ""))
        if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
            raise RefusedError(400, "Bad Request: secret token contains unallowed characters")
        try:
            if url:
                check_here(url)
        except UsageError:
            raise RefusedError(400, "Bad Request: bad webhook: the sandbox calls this machine only") from None
        async with self._news:
            self._url, self._secret, self._last_error = url, secret, ""
            self._news.notify_all()
        return True

    async def _delete_webhook(self, request: Request, params: Params) -> Any:
        if params.get("drop_pending_updates") in (True, "true"):
            self._waiting.clear()
        return await self._set_webhook(request, {})

    async def _webhook_info(self, _request: Request, _params: Params) -> Any:
        known = {"url": self._url, "has_custom_certificate": False, "pending_update_count": len(self._waiting)}
        return {**known, "last_error_message": self._last_error} if self._last_error else known

    async def _set_commands(self, _request: Request, params: Params) -> Any:
        commands = params.get("commands")
        if not isinstance(commands, list) or not all(isinstance(each, dict) for each in commands):
            raise RefusedError(400, "Bad Request: can't parse commands JSON object")
        for each in commands:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", str(each.get("command", ""))):
                raise RefusedError(400, "Bad Request: BOT_COMMAND_INVALID")
            if not 1 <= len(str(each.get("description", ""))) <= 256:
                raise RefusedError(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
        self._commands = commands
        return True

    async def _get_commands(self, _request: Request, _params: Params) -> Any:
        return list(self._commands)

    async def _answer_press(self, request: Request, params: Params) -> Any:
        chat = self._presses.pop(str(params.get("callback_query_id", "")), None)
        if chat is None:
            raise RefusedError(400, _NO_QUERY)
        if params.get("text"):
            note = "alert" if params.get("show_alert") in (True, "true") else "notice"
            reading = Reading("telegram", str(params["text"]), note=note)
            _, answer = await self._front.take(request, chat, dict(params), provider="telegram", reading=reading)
            return scripted(answer) or True
        return True


def _update(given: Any, order: int, now: int) -> Mapping[str, Any]:
    """The update that a request asks for. Raises UsageError."""
    if not isinstance(given, dict):
        raise UsageError('write {"from": 42, "text": "/status"}')
    if isinstance(given.get("update"), dict):
        return dict(given["update"])
    user, text, press = given.get("from"), given.get("text"), given.get("press")
    chat = given.get("chat", user)
    if not isinstance(user, int) or not isinstance(chat, int) or not isinstance(press if text is None else text, str):
        raise UsageError('write {"from": 42, "text": "/status"}, or "press" in the place of "text"; ids are numbers')
    number = given.get("message", _FIRST_MESSAGE + order)
    sender = {"id": user, "is_bot": False, "first_name": f"User {user}"}
    place = {"id": chat, "type": "private"} if chat > 0 else {"id": chat, "type": "supergroup", "title": f"Chat {chat}"}
    message = {"message_id": number, "date": now, "chat": place}
    if text is None:
        query = {"id": f"438200000{order}", "from": sender, "chat_instance": str(chat), "message": message, "data": press}
        return {"callback_query": query}
    entities = [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}] if text.startswith("/") else []
    return {"message": {**message, "from": sender, "text": text, **({"entities": entities} if entities else {})}}


def _number(params: Params, name: str, default: int) -> int:
    text = str(params.get(name, default))
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else default
