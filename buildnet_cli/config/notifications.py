"""`notifications`: who hears of what, when, and through which channels."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AliasChoices, Field, model_validator

from buildnet_cli.config.channels.discord import Discord
from buildnet_cli.config.channels.email import Email
from buildnet_cli.config.channels.push import Push
from buildnet_cli.config.channels.slack import Slack
from buildnet_cli.config.channels.sms import Sms
from buildnet_cli.config.channels.telegram import Telegram
from buildnet_cli.config.channels.webhook import Webhook
from buildnet_cli.config.fields import ONE_OF, Between, EventPattern, Items, Switch
from buildnet_cli.config.recipient import CHANNELS, Channel, ChannelName, Recipient, refuse_same_names
from buildnet_cli.config.section import Section
from buildnet_cli.config.timing import TimeOfDay, Zone
from buildnet_cli.events.priority import Priority


class GlobalRateLimit(Section):
    """A total over all targets, beside the limit of each."""

    max_per_minute: Annotated[int, Between(0, 100_000, "messages a minute, 0 for no limit")] = Field(
        0, description="Messages a minute to everybody together; 0 = no limit. Default: 0."
    )
    max_per_hour: Annotated[int, Between(0, 1_000_000, "messages an hour, 0 for no limit")] = Field(
        0, description="Messages an hour to everybody together; 0 = no limit. Default: 0."
    )


class RateLimit(Section):
    """How many messages one target gets; what is over is held and summed up in one message."""

    max_per_minute: Annotated[int, Between(1, 100_000, "messages a minute")] = Field(
        10, description="Messages a minute to one target. Default: 10."
    )
    max_per_hour: Annotated[int, Between(1, 1_000_000, "messages an hour")] = Field(
        100, description="Messages an hour to one target. Default: 100."
    )
    critical_per_minute: Annotated[int, Between(1, 100_000, "messages a minute")] = Field(
        5, description="Reserve of messages a minute for critical events to one target. Default: 5."
    )
    total: GlobalRateLimit = Field(
        default_factory=GlobalRateLimit, alias="global", description="A total over all targets. Default: no limit."
    )


class QuietHours(Section):
    """A part of the day without messages that can wait. It may cross midnight; the end is no longer quiet."""

    enabled: Switch = Field(True, description="Whether there are quiet hours. Default: true once the section is there.")
    start: TimeOfDay | None = Field(None, description='When they begin, HH:MM in quotes: "22:00". Required while enabled.')
    end: TimeOfDay | None = Field(None, description='When they end, HH:MM in quotes: "08:00". Required while enabled.')
    timezone: Zone = Field("UTC", description="Zone of both times, such as America/New_York. Default: UTC.")
    exceptions: Items[EventPattern] = Field((), description="Patterns of events that are sent all the same. Default: none.")
    action: Annotated[Literal["hold", "drop"], ONE_OF] = Field(
        "hold", description="hold = one digest at the end, drop = never sent. Default: hold."
    )

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        lacking = [key for key, value in (("start", self.start), ("end", self.end)) if value is None]
        if self.enabled and lacking:
            raise ValueError(f"needs {' and '.join(lacking)}; write HH:MM in quotes, or set enabled: false")
        if self.start is not None and self.start == self.end:
            raise ValueError("start and end must differ: the same time could mean all day or never")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class PriorityRule(Section):
    """What happens to events of one priority."""

    channels: Items[ChannelName] | None = Field(
        None,
        description="Channels for this priority: sms, email, webhook, push, slack, discord, telegram. Default: all that are on.",
    )
    delay_secs: Annotated[int, Between(0, 86_400, "seconds")] = Field(
        0, description="How long events are collected into one message, in seconds; 0 = sent at once. Default: 0."
    )
    override_quiet_hours: Switch | None = Field(
        None, description="Whether this priority is sent in quiet hours. Default: true for critical, else false."
    )


class Priorities(Section):
    """One rule for each priority; one that is absent goes to every channel that is on."""

    low: PriorityRule | None = Field(None, description="Events of low priority. Default: every channel that is on, at once.")
    medium: PriorityRule | None = Field(
        None, description="Events of medium priority. Default: every channel that is on, at once."
    )
    high: PriorityRule | None = Field(None, description="Events of high priority. Default: every channel that is on, at once.")
    critical: PriorityRule | None = Field(
        None, description="Events of critical priority. Default: every channel that is on, at once, in quiet hours too."
    )

    def rule_for(self, priority: Priority) -> PriorityRule | None:
        return {
            Priority.LOW: self.low,
            Priority.MEDIUM: self.medium,
            Priority.HIGH: self.high,
            Priority.CRITICAL: self.critical,
        }[priority]


class Settings(Section):
    """What holds for all channels."""

    dedup_window_secs: Annotated[int, Between(0, 604_800, "seconds")] = Field(
        300,
        description="How long the same event is not sent again to the same target, in seconds; 0 = always sent. Default: 300.",
    )
    rate_limit: RateLimit = Field(default_factory=RateLimit, description="How many messages one target gets.")
    quiet_hours: QuietHours | None = Field(None, description="A part of the day without messages that can wait. Default: none.")
    default_priority: Annotated[Priority, ONE_OF] = Field(
        Priority.MEDIUM, description="Priority of an event whose type is not known. Default: medium."
    )
    priorities: Priorities = Field(
        default_factory=Priorities, description="Which channels carry which priority. Default: all carry every one."
    )
    batch_max: Annotated[int, Between(1, 1000, "events")] = Field(
        50, description="Most events that are collected into one message. Default: 50."
    )

    def channels_for(self, priority: Priority) -> frozenset[str] | None:
        """Canonical names of the channels configured for a priority; None means every channel that is on."""
        rule = self.priorities.rule_for(priority)
        return None if rule is None or rule.channels is None else frozenset(rule.channels)

    def delay_of(self, priority: Priority) -> timedelta:
        """How long events of a priority are collected into one message."""
        rule = self.priorities.rule_for(priority)
        return timedelta(seconds=rule.delay_secs if rule is not None else 0)

    def overrides_quiet_hours(self, priority: Priority) -> bool:
        """Whether a priority is sent in quiet hours."""
        rule = self.priorities.rule_for(priority)
        if rule is None or rule.override_quiet_hours is None:
            return priority is Priority.CRITICAL
        return rule.override_quiet_hours


class Channels(Section):
    """The ways to reach people. A channel without a section is off."""

    sms: Sms | None = Field(None, description="Text messages through Twilio. Default: off.")
    email: Email | None = Field(None, description="Mail. Default: off.")
    webhooks: Items[Webhook] = Field(
        (), validation_alias=AliasChoices("webhooks", "webhook"), description="HTTP endpoints. Default: none."
    )
    push: Push | None = Field(None, description="Notifications on phones. Default: off.")
    slack: Slack | None = Field(None, description="A Slack app. Default: off.")
    discord: Discord | None = Field(None, description="A Discord bot. Default: off.")
    telegram: Telegram | None = Field(None, description="A Telegram bot. Default: off.")

    @model_validator(mode="after")
    def _webhooks_differ(self) -> Self:
        refuse_same_names(tuple(hook.recipient(index) for index, hook in enumerate(self.webhooks) if hook.enabled))
        return self

    def section(self, name: str) -> Channel | None:
        """The section of a channel by its canonical name; None if it is absent, and for webhooks, which are a list."""
        return {
            "sms": self.sms,
            "email": self.email,
            "push": self.push,
            "slack": self.slack,
            "discord": self.discord,
            "telegram": self.telegram,
        }.get(name)

    def is_enabled(self, name: str) -> bool:
        """Whether a channel, by its canonical name, is on; webhooks are, once one of them is."""
        section = self.section(name)
        return any(hook.enabled for hook in self.webhooks) if name == "webhook" else section is not None and section.enabled

    def everybody(self) -> Iterator[tuple[Recipient, bool]]:
        """Every recipient, channel by channel, in the order of the file; with each, whether the channel is on."""
        for name in CHANNELS:
            section = self.section(name)
            if name == "webhook":
                yield from ((hook.recipient(index), hook.enabled) for index, hook in enumerate(self.webhooks))
            elif section is not None:
                yield from ((recipient, section.enabled) for recipient in section.all_recipients())


class Notifications(Section):
    """Notifications as a whole."""

    enabled: Switch = Field(True, description="Whether anything is sent at all. Default: true.")
    debug: Switch = Field(False, description="Whether the log is verbose; secrets stay masked. Default: false.")
    dry_run: Switch = Field(False, description="Whether messages are only logged, never sent. Default: false.")
    settings: Settings = Field(default_factory=Settings, description="What holds for all channels.")
    channels: Channels = Field(default_factory=Channels, description="The ways to reach people. Default: none.")

    def enabled_channels(self) -> tuple[str, ...]:
        """Canonical names of the channels that are on; none while notifications are off."""
        return tuple(name for name in CHANNELS if self.enabled and self.channels.is_enabled(name))

    def all_recipients(self) -> tuple[Recipient, ...]:
        """Everybody who may be reached; nobody while notifications are off."""
        return tuple(recipient for recipient, is_on in self.channels.everybody() if is_on and self.enabled)

    def silenced_recipients(self) -> tuple[Recipient, ...]:
        """Everybody whose channel is off, or all while notifications are."""
        return tuple(recipient for recipient, is_on in self.channels.everybody() if not (is_on and self.enabled))

    def unnamed_channels(self) -> tuple[str, ...]:
        """Channels that are on and yet would hear nothing, because every priority lists its channels and none lists them."""
        listed = [self.settings.channels_for(priority) for priority in Priority]
        return tuple(name for name in self.enabled_channels() if all(names is not None and name not in names for names in listed))

    def channels_for(self, priority: Priority) -> frozenset[str]:
        """The channels that are on and carry a priority.

        A channel that no priority names goes along with `slack`, and where that is not named either, from medium upward.
        """
        enabled = frozenset(self.enabled_channels())
        named = self.settings.channels_for(priority)
        if named is None:
            return enabled
        is_slack_named = any("slack" in (self.settings.channels_for(each) or ()) for each in Priority)
        takes_unnamed = "slack" in named if is_slack_named else priority.is_at_least(Priority.MEDIUM)
        return enabled & (named | frozenset(self.unnamed_channels() if takes_unnamed else ()))

    def find_recipients(self, word: str) -> tuple[Recipient, ...]:
        """The recipients that a request means by a word: by name, else slug, else channel, else format; none if nothing fits."""
        everybody = self.all_recipients()
        folded = word.casefold()
        for matching in (
            [each for each in everybody if each.name.casefold() == folded],
            [each for each in everybody if each.slug == folded],
            [each for each in everybody if each.channel == ("webhook" if folded == "webhooks" else folded)],
            [each for each in everybody if each.format == folded],
        ):
            if matching:
                return tuple(matching)
        return ()
