"""What a valid configuration gets wrong all the same: patterns that match nothing, lists that let nobody in, sample values.

Pure: nothing is looked up but in the configuration itself and through the callable that is handed in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import chain

from pydantic import SecretStr

from buildnet_cli.config.channels.discord import DiscordUser
from buildnet_cli.config.channels.email import Email
from buildnet_cli.config.channels.slack import SlackUser
from buildnet_cli.config.channels.sms import Sms
from buildnet_cli.config.channels.telegram import TelegramUser
from buildnet_cli.config.channels.webhook import Webhook
from buildnet_cli.config.fields import did_you_mean, shown
from buildnet_cli.config.notifications import QuietHours
from buildnet_cli.config.origin import KeyPath
from buildnet_cli.config.permission import CONFIRMED
from buildnet_cli.config.recipient import Channel, Listener
from buildnet_cli.config.remark import Remark, sections_of
from buildnet_cli.config.root import Config
from buildnet_cli.events.catalog import CATALOG
from buildnet_cli.events.pattern import Pattern
from buildnet_cli.events.priority import Priority

# Joiners belong to emoji and to several scripts; every other format character only hides or turns text.
_HARMLESS_FORMAT = frozenset("\u200c\u200d")
_SHORTEST_MASKED = 4
# More than this are rarely meant.
_MANY = 1000


def remarks_on(config: Config, *, exists: Callable[[str], bool]) -> list[Remark]:
    """Every remark, in the order of the rules. exists: whether a path is there, for the disks to be watched."""
    return [
        *chain.from_iterable(rule(config) for rule in _RULES),
        *_missing_disks(config, exists),
    ]


# Events


def _patterns_without_a_match(config: Config) -> Iterator[Remark]:
    custom = config.monitoring.incident_pairing()
    for path, section in sections_of(config):
        key, patterns = (
            ("events", section.events)
            if isinstance(section, Listener)
            else ("exceptions", section.exceptions if isinstance(section, QuietHours) else ())
        )
        for index, text in enumerate(patterns):
            pattern = Pattern.parse(text)
            if not pattern.can_match_known and not any(pattern.matches(name, Priority.LOW) for name in custom):
                near = did_you_mean(text, CATALOG).removeprefix("; ")
                yield Remark((*path, key, index), f"{shown(text)} matches no known event", near)


def _listeners_that_hear_nothing(config: Config) -> Iterator[Remark]:
    for path, section in sections_of(config):
        if isinstance(section, Listener) and not section.events:
            yield Remark(
                (*path, "events"), "an empty list matches no event: this recipient never hears anything", 'write ["*"] for all'
            )


# Channels


def _channels_no_priority_names(config: Config) -> Iterator[Remark]:
    for name in config.notifications.unnamed_channels():
        carried = [priority for priority in Priority if name in config.notifications.channels_for(priority)]
        yield Remark(
            ("notifications", "channels", _key_of(name)),
            f"{name} is on, but no priority lists it; it goes along with slack: {', '.join(carried)}",
            "list it under notifications.settings.priorities",
        )


def _priorities_without_their_channel(config: Config) -> Iterator[Remark]:
    enabled = config.notifications.enabled_channels()
    listed: dict[str, dict[Priority, KeyPath]] = {}
    for priority in Priority if config.notifications.enabled else ():
        rule = config.notifications.settings.priorities.rule_for(priority)
        for index, name in enumerate(rule.channels or () if rule is not None else ()):
            path = ("notifications", "settings", "priorities", priority.value, "channels", index)
            listed.setdefault(name, {}).setdefault(priority, path)
    for name, paths in listed.items():
        if name not in enabled:
            message = f"{name} is off or not configured; nothing of these priorities goes there: {', '.join(paths)}"
            yield Remark(next(iter(paths.values())), message)


def _channels_without_recipients(config: Config) -> Iterator[Remark]:
    for path, section in sections_of(config.notifications.channels, ("notifications", "channels")):
        if isinstance(section, Channel) and section.enabled and not section.all_recipients():
            yield Remark(path, f"{section.kind} is on, but it has no recipients")


def _more_recipients_than_people(config: Config) -> Iterator[Remark]:
    count = len(config.notifications.all_recipients())
    if count > _MANY:
        yield Remark(
            ("notifications", "channels"),
            f"{count} recipients each get every message they want by itself",
            "let a group's own address or room stand for its members",
        )


def _destinations_that_are_off(config: Config) -> Iterator[Remark]:
    enabled = config.notifications.enabled_channels()
    deliver_to = config.remote_control.confirmation.deliver_to
    named: list[tuple[KeyPath, str]] = [(("remote_control", "confirmation", "deliver_to"), deliver_to)] if deliver_to else []
    for index, report in enumerate(config.reports.scheduled):
        named += [(("reports", "scheduled", index, "recipients", at), who) for at, who in enumerate(report.recipients)]
    for path, destination in named:
        channel = destination.partition(":")[0]
        if channel not in enabled:
            yield Remark(path, f"{shown(destination)} cannot be reached: {channel} is off or not configured")


def _nothing_is_sent(config: Config) -> Iterator[Remark]:
    if config.notifications.dry_run:
        yield Remark(("notifications", "dry_run"), "nothing is sent: every message is logged and suppressed", is_note=True)


def _limits_are_per_target(config: Config) -> Iterator[Remark]:
    settings = config.notifications.settings
    if "rate_limit" in settings.model_fields_set:
        minute, hour = settings.rate_limit.max_per_minute, settings.rate_limit.max_per_hour
        yield Remark(
            ("notifications", "settings", "rate_limit"),
            f"these limits apply to each target by itself: {minute} a minute and {hour} an hour",
            "add rate_limit.global for a total",
            is_note=True,
        )


# Values


def _sample_values(config: Config) -> Iterator[Remark]:
    for path, section in sections_of(config):
        for name in type(section).model_fields:
            value = getattr(section, name)
            text = value.get_secret_value() if isinstance(value, SecretStr) else ""
            if "..." in text:
                yield Remark(
                    (*path, section.key_of(name)), 'this still holds the "..." of a sample', "put the real value in its place"
                )
            elif 0 < len(text) < _SHORTEST_MASKED:
                message = f"a secret of {len(text)} characters cannot be masked in logs without blanking out ordinary words"
                yield Remark((*path, section.key_of(name)), message, "use a longer one")
        if isinstance(section, Sms) and section.account_sid and not re.fullmatch("AC[0-9a-fA-F]{32}", section.account_sid):
            what = shown(section.account_sid) if "..." in section.account_sid else "this"  # it may be a token in the wrong place
            message = f"{what} is no Twilio account SID: AC and 32 hexadecimal digits"
            yield Remark((*path, "account_sid"), message, "copy it from the Twilio console")


def _impossible_phones(config: Config) -> Iterator[Remark]:
    sms, remote = config.notifications.channels.sms, config.remote_control
    phones: list[tuple[KeyPath, str]] = []
    if sms is not None:
        at: KeyPath = ("notifications", "channels", "sms")
        phones += [((*at, "from_number"), sms.from_number)] if sms.from_number else []
        phones += [((*at, "recipients", index, "phone"), person.phone) for index, person in enumerate(sms.recipients)]
    listed = (
        (("remote_control", "authentication", "sms"), remote.authentication.sms.allowed_numbers),
        (("remote_control", "sms"), remote.sms.allowed_numbers if remote.sms else ()),
    )
    phones += [((*at, "allowed_numbers", index), number) for at, numbers in listed for index, number in enumerate(numbers)]
    for path, number in phones:
        if not _is_possible_phone(number):
            yield Remark(path, f"{number} is not a possible phone number", "check the country code and count the digits")


def _is_possible_phone(number: str) -> bool:
    # Imported here: it is only needed where there are phones.
    from phonenumbers import NumberParseException, is_possible_number, parse

    try:
        return bool(is_possible_number(parse(number)))
    except NumberParseException:
        return False


def _hidden_characters(config: Config) -> Iterator[Remark]:
    for path, section in sections_of(config):
        for name in type(section).model_fields:
            value = getattr(section, name)
            if isinstance(value, str) and name != "template" and any(map(_is_hidden, value)):
                message = f"{shown(value)} holds a character that cannot be seen; it is shown escaped"
                yield Remark((*path, section.key_of(name)), message, "remove it, unless it is meant")


def _is_hidden(char: str) -> bool:
    return unicodedata.category(char) == "Cf" and char not in _HARMLESS_FORMAT


def _missing_disks(config: Config, exists: Callable[[str], bool]) -> Iterator[Remark]:
    disk = config.monitoring.resources.disk
    for index, entry in enumerate(disk.paths if disk is not None and disk.enabled else ()):
        if not exists(entry.path):
            path: KeyPath = ("monitoring", "resources", "disk", "paths", index, "path")
            yield Remark(path, f"{shown(entry.path)} does not exist; nothing is measured until it does")


def _unprotected_connections(config: Config) -> Iterator[Remark]:
    if config.agent.api.listen and config.agent.api.host not in {"127.0.0.1", "::1", "localhost"}:
        message = f"the API listens on {config.agent.api.host}, beyond this machine, and speaks plain http"
        yield Remark(("agent", "api", "host"), message, "put a proxy with TLS in front, and listen on 127.0.0.1")
    for path, section in sections_of(config.notifications.channels, ("notifications", "channels")):
        if isinstance(section, Webhook) and not section.verify:
            yield Remark((*path, "verify"), "the server's certificate is not checked: whoever is on the way can read along")
        if isinstance(section, Webhook) and section.is_readable_on_the_way:
            yield Remark((*path, "allow_insecure"), "plain http to a public host: whoever is on the way can read along")
        if isinstance(section, Email) and section.provider == "smtp" and not (section.smtp.tls or section.smtp.implicit_tls):
            yield Remark((*path, "smtp", "tls"), "mail and password are sent unencrypted")


# Remote control


def _commands_without_confirmation(config: Config) -> Iterator[Remark]:
    confirmation, authentication = config.remote_control.confirmation, config.remote_control.authentication
    unasked = [command for command in CONFIRMED if command not in confirmation.require_confirmation]
    if unasked:
        path: KeyPath = ("remote_control", "confirmation", "require_confirmation")
        run = "runs" if len(unasked) == 1 else "run"
        yield Remark(path, f"{', '.join(unasked)} {run} without confirmation", "list what is to ask back")
    for channel, section in (("sms", authentication.sms), ("email", authentication.email)):
        if not section.require_confirmation:
            path = ("remote_control", "authentication", channel, "require_confirmation")
            yield Remark(path, f"every command sent by {channel} runs without confirmation")


def _lists_that_let_nobody_in(config: Config) -> Iterator[Remark]:
    remote = config.remote_control
    if remote.takes_sms and not remote.allowed_numbers:
        yield Remark(
            ("remote_control", "sms"), "no number is allowed: nobody can send commands by text message", "fill allowed_numbers"
        )
    if remote.takes_email and not (remote.allowed_addresses or remote.allowed_domains):
        yield Remark(
            ("remote_control", "email"), "no sender is allowed: nobody can send commands by mail", "fill allowed_senders"
        )
    for path, section in sections_of(config.notifications.channels, ("notifications", "channels")):
        if isinstance(section, SlackUser | DiscordUser | TelegramUser) and not section.commands:
            yield Remark(
                path, f"{shown(section.name or section.id)} may send no command at all", 'list them under commands, or ["*"]'
            )


def _mail_that_may_be_forged(config: Config) -> Iterator[Remark]:
    remote = config.remote_control
    if remote.takes_email and not remote.require_signed:
        yield Remark(("remote_control", "email"), "commands are taken from unsigned mail, whose sender anybody can forge")


def _key_of(channel: str) -> str:
    return "webhooks" if channel == "webhook" else channel


_RULES: tuple[Callable[[Config], Iterator[Remark]], ...] = (
    _patterns_without_a_match,
    _listeners_that_hear_nothing,
    _channels_no_priority_names,
    _priorities_without_their_channel,
    _channels_without_recipients,
    _more_recipients_than_people,
    _destinations_that_are_off,
    _nothing_is_sent,
    _limits_are_per_target,
    _sample_values,
    _impossible_phones,
    _hidden_characters,
    _unprotected_connections,
    _commands_without_confirmation,
    _lists_that_let_nobody_in,
    _mail_that_may_be_forged,
)
