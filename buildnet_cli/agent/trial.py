"""Test messages by request: the same for the running agent and for a terminal without one."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from buildnet_cli.agent.channel_facts import called
from buildnet_cli.agent.templates import Wording
from buildnet_cli.channels.advice import advice_on
from buildnet_cli.channels.console import as_text
from buildnet_cli.channels.registry import open_channels
from buildnet_cli.clock import Clock, SystemClock
from buildnet_cli.config.loader import Loaded
from buildnet_cli.config.recipient import Recipient
from buildnet_cli.config.root import Config
from buildnet_cli.delivery.channel import Channel
from buildnet_cli.delivery.send_test import EVENT_TYPE, SendResult, choose, send_test
from buildnet_cli.errors import UsageError
from buildnet_cli.events.catalog import priority_of
from buildnet_cli.events.model import Event, read_draft
from buildnet_cli.ids import new_id
from buildnet_cli.net.http import HttpClient


async def send_wanted(
    wanted: Mapping[str, Any], config: Config, channels: Mapping[str, Channel], clock: Clock, wording: Wording
) -> list[dict[str, Any]]:
    """Send what a request asks for.

    wanted: `channel` or `channels`, `to`, `type`, `message`, `show`, as the API takes them. With `show`, and with `dry_run` in
    the configuration, nothing is sent.
    Raises UsageError for anything else, NotFoundError if nobody is meant.
    """
    names = _read_names(wanted)
    unknown = wanted.keys() - {"channel", "channels", "to", "type", "message", "show"}
    if unknown:
        raise UsageError(f"a test message has no {sorted(unknown)[0]!r}", hint="it has channel, to, type, message and show")
    draft = read_draft(
        {
            "type": wanted.get("type") or EVENT_TYPE,
            "message": wanted.get("message") or f"Test message from {socket.gethostname()}: this channel works.",
            "subject": socket.gethostname(),
        }
    )
    to = wanted.get("to")
    if to is not None and not isinstance(to, str):
        raise UsageError('"to" must be text', where="to")
    recipients = choose(config.notifications, channels=names, to=to)
    priority = priority_of(draft.type, config.notifications.settings.default_priority)
    event = Event(new_id("evt"), draft.type, priority, draft.message, draft.subject, "send-test", clock.now(), {})
    is_shown = bool(wanted.get("show")) or config.notifications.dry_run
    results = await send_test(recipients, channels, event, clock, wording.reword, as_text if is_shown else None)
    return [_explained(result, recipient) for result, recipient in zip(results, recipients, strict=True)]


def _explained(result: SendResult, recipient: Recipient) -> dict[str, Any]:
    """The result with what its refusal means, if that is known. answer: the provider's own words. code: its name for it."""
    row = result.as_wire() | {"answer": result.detail, "code": ""}
    name = called(recipient) if recipient.channel == "sms" else recipient.name
    known = advice_on(result.channel, result.detail, recipient=name) if result.result == "failed" else None
    if known is None:
        return row
    return row | {"code": known.code, "detail": f"{known.code}: {known.meaning}", "hint": known.next_step}


async def send_once(loaded: Loaded, templates: Path, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Open the channels, send, and close them again. templates: the folder of the operator's own."""
    http = HttpClient()
    channels = open_channels(loaded.config, http)
    try:
        return await send_wanted(wanted, loaded.config, channels, SystemClock(), Wording(templates))
    finally:
        for channel in channels.values():
            await channel.close()
        await http.close()


def _read_names(wanted: Mapping[str, Any]) -> list[str]:
    names = wanted.get("channels") or ([wanted["channel"]] if wanted.get("channel") is not None else [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError('"channels" must be a list of names', where="channels")
    return names
