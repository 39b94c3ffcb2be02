"""What can be mended in a request that Telegram refused, so that it is worth sending at once. Pure."""

from __future__ import annotations

from typing import Any

from buildnet_cli.channels.telegram import form, refusal
from buildnet_cli.channels.telegram.refusal import Told

Params = dict[str, Any]


def amended(params: Params, told: Told) -> Params | None:
    """The same request without what Telegram did not like; None if there is nothing to mend.

    A group that became a supergroup has a new id; a topic may be gone; tags that cannot be read are left out.
    """
    # The new group numbers its messages anew: none can be answered or edited by its old number.
    if told.migrate_to and told.migrate_to != params["chat_id"] and "message_id" not in params:
        return {**_without(params, "reply_parameters"), "chat_id": told.migrate_to}
    if told.reason.startswith(refusal.THREAD_NOT_FOUND) and "message_thread_id" in params:
        return _without(params, "message_thread_id")
    if told.reason.startswith(refusal.CANNOT_PARSE) and "parse_mode" in params:
        return {**_without(params, "parse_mode"), "text": form.plain(params["text"])}
    return None


def _without(params: Params, name: str) -> Params:
    return {key: value for key, value in params.items() if key != name}
