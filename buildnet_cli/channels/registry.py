"""The channels that this version can send through, one line each. An adapter is imported when its channel is on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TextIO

from buildnet_cli.config.loader import Loaded
from buildnet_cli.config.notifications import Channels
from buildnet_cli.config.problems import Problem
from buildnet_cli.config.root import Config
from buildnet_cli.delivery.channel import Channel
from buildnet_cli.net.http import HttpClient


def _webhook(channels: Channels, http: HttpClient) -> Channel:
    from buildnet_cli.channels.webhook.adapter import WebhookChannel

    return WebhookChannel([webhook for webhook in channels.webhooks if webhook.enabled], http)


def _email(channels: Channels, http: HttpClient) -> Channel:
    import platform

    config, host = channels.email, platform.node()
    assert config is not None
    if config.provider == "sendgrid":
        from buildnet_cli.channels.email.sendgrid import SendGridChannel

        return SendGridChannel(config, http, host)
    if config.provider == "ses":
        from buildnet_cli.channels.email.ses import SesChannel

        return SesChannel(config, http, host)
    from buildnet_cli.channels.email.smtp import SmtpChannel

    return SmtpChannel(config, host)


def _push(channels: Channels, http: HttpClient) -> Channel:
    from buildnet_cli.channels.push.adapter import PushChannel

    assert channels.push is not None
    return PushChannel(channels.push, http)


def _slack(channels: Channels, http: HttpClient) -> Channel:
    from buildnet_cli.channels.slack.adapter import SlackChannel

    assert channels.slack is not None
    return SlackChannel(channels.slack, http)


def _discord(channels: Channels, http: HttpClient) -> Channel:
    from buildnet_cli.channels.discord.adapter import DiscordChannel

    assert channels.discord is not None
    return DiscordChannel(channels.discord, http)


def _sms(channels: Channels, http: HttpClient) -> Channel:
    from buildnet_cli.channels.sms.adapter import SmsChannel

    assert channels.sms is not None
    return SmsChannel(channels.sms, http)


def _telegram(channels: Channels, http: HttpClient) -> Channel:
    from buildnet_cli.channels.telegram.adapter import TelegramChannel

    assert channels.telegram is not None
    return TelegramChannel(channels.telegram, http)


_OPENERS: Final[dict[str, Callable[[Channels, HttpClient], Channel]]] = {
    "sms": _sms,
    "webhook": _webhook,
    "email": _email,
    "push": _push,
    "slack": _slack,
    "discord": _discord,
    "telegram": _telegram,
}

SUPPORTED: Final = frozenset({*_OPENERS, "console"})
"""Kinds that can send. What is configured beyond them is said to be unsupported, never silently dropped."""


def check(loaded: Loaded) -> list[Problem]:
    """What only the channels can tell of a configuration that has loaded, such as a template that is none."""
    channels, problems = loaded.config.notifications.channels, []
    if any(webhook.template is not None for webhook in channels.webhooks):
        from buildnet_cli.channels.webhook import template

        problems += template.check(loaded)
    if channels.push is not None:
        from buildnet_cli.channels.push import check as push

        problems += push.check(loaded)
    return problems


def open_channels(config: Config, http: HttpClient, console: TextIO | None = None, *, color: bool = False) -> dict[str, Channel]:
    """The channels that are on, by kind. The caller closes each of them, and then `http`.

    console: where an agent in the foreground writes its messages; None for no such channel. color: whether it colours them.
    """
    opened = {
        kind: _OPENERS[kind](config.notifications.channels, http)
        for kind in config.notifications.enabled_channels()
        if kind in _OPENERS
    }
    if console is not None:
        from buildnet_cli.channels.console import ConsoleChannel

        opened["console"] = ConsoleChannel(console, color=color)
    return opened
