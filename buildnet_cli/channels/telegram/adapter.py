"""A Telegram bot that writes to people, groups and channels."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from buildnet_cli.channels.telegram import form, refusal
from buildnet_cli.channels.telegram.amend import Params, amended
from buildnet_cli.channels.telegram.bot import Bot
from buildnet_cli.config.channels.telegram import Telegram
from buildnet_cli.delivery.model import OutgoingMessage, Receipt, Thread
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.events.priority import Priority
from buildnet_cli.messages.model import Message
from buildnet_cli.net.http import HttpClient

_log = logging.getLogger(__name__)

# A moved group, a missing topic and unreadable tags may come together.
_MOST_AMENDMENTS = 3
# What follows the message itself may not keep it from being recorded as delivered.
_FOLLOW_UP_SECS = 5.0


class TelegramChannel:
    """Writes each message to the chat of its recipient.

    http: shared with the other channels; the caller opens and closes it. timeout_secs: for one request in all.
    """

    kind = "telegram"

    def __init__(self, telegram: Telegram, http: HttpClient, *, timeout_secs: float = 15.0) -> None:
        self._bot = Bot(telegram, http)
        self._timeout_secs = timeout_secs
        self._chats = {recipient.name: _chat_id(recipient.address) for recipient in telegram.all_recipients()}
        self._topics = {chat.name or chat.id: int(chat.thread_id) for chat in telegram.chats if chat.thread_id}
        self._moved: dict[int | str, int] = {}

    async def send(self, message: OutgoingMessage) -> Receipt:
        """Deliver once. Raises ChannelError on any refusal of the first part, which tells what happened.

        What follows it is not worth repeating that: further parts, and bringing an incident's first message up to date.
        """
        name = message.target.recipient
        chat = _chat_id(message.address) if message.address else self._chats.get(name)
        if chat is None:
            raise ChannelError(f'no chat is called "{name}" in the configuration any more', outcome=Outcome.PERMANENT)
        first, *rest = form.parts(message.message)
        params = self._params(chat, self._topics.get(name), first, is_silent=message.message.event.priority is Priority.LOW)
        sent = await self._call("sendMessage", params | _reply(message.thread, params["chat_id"]), self._timeout_secs)
        chat_id, number = self._current(params["chat_id"]), str(sent.get("message_id", ""))
        for part in rest:
            await self._follow_up("sendMessage", {**params, "chat_id": chat_id, "text": part, "disable_notification": True})
        if message.thread is not None and message.thread.updated is not None:
            await self._update(message.thread.ref, message.thread.updated)
        return Receipt(number, "sent", ref=f"{chat_id}/{number}" if number else "")

    async def close(self) -> None:
        """Nothing of its own is open."""

    def _params(self, chat: int | str, topic: int | None, text: str, *, is_silent: bool) -> Params:
        params: Params = {
            "chat_id": self._current(chat),
            "text": text,
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        }
        if topic is not None:
            params["message_thread_id"] = topic
        if is_silent:
            params["disable_notification"] = True
        return params

    def _current(self, chat_id: int | str) -> int | str:
        return self._moved.get(chat_id, chat_id)

    async def _update(self, ref: str, updated: Message) -> None:
        chat_id, _, number = ref.rpartition("/")
        text = form.parts(updated)[0]
        params = {"chat_id": _chat_id(chat_id), "message_id": int(number), "text": text, "parse_mode": "HTML"}
        await self._follow_up("editMessageText", {**params, "link_preview_options": {"is_disabled": True}})

    async def _follow_up(self, method: str, params: Params) -> None:
        try:
            await self._call(method, params, min(_FOLLOW_UP_SECS, self._timeout_secs))
        except ChannelError as exc:
            _log.warning("%s after a delivered message failed: %s", method, exc.message, extra={"hint": exc.hint})

    async def _call(self, method: str, params: Params, timeout_secs: float) -> Mapping[str, Any]:
        """The result. Raises ChannelError if Telegram refuses and nothing can be mended."""
        for _ in range(_MOST_AMENDMENTS + 1):
            answer = await self._bot.post(method, params, timeout_secs=timeout_secs)
            told = refusal.read(answer)
            better = amended(params, told)
            if better is None:
                break
            self._note(told, params["chat_id"])
            params = better
        refusal.check(answer, told)
        return told.result

    def _note(self, told: refusal.Told, chat_id: int | str) -> None:
        hint = ""
        if told.migrate_to:
            self._moved[chat_id] = told.migrate_to
            hint = f'the group has a new id; set it to "{told.migrate_to}"'
        _log.warning("Telegram: %s; sent in another way", told.description, extra={"chat": chat_id, "hint": hint})


def _chat_id(text: str) -> int | str:
    return text if text.startswith("@") else int(text)


def _reply(thread: Thread | None, chat_id: int | str) -> Params:
    if thread is None:
        return {}
    chat, _, number = thread.ref.rpartition("/")
    # The recipient may have another chat by now, and in its own chat somebody may have deleted that message.
    return {"reply_parameters": {"message_id": int(number), "allow_sending_without_reply": True}} if chat == str(chat_id) else {}
