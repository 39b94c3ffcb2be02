"""One rendering for every event: which words belong to which family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from buildnet_cli.events.model import Event
from buildnet_cli.messages import build, digest, machine, reply, service
from buildnet_cli.messages.facts import Facts
from buildnet_cli.messages.model import Field, Message
from buildnet_cli.messages.words import tone_of

Writer = Callable[[Event, Facts], Message]

_BY_TYPE: dict[str, Writer] = {
    "build.failed": build.failed,
    "build.completed": build.completed,
    "build.cached": build.cached,
    "build.queued": build.queued,
    "build.started": build.started,
    "build.cancelled": build.cancelled,
    "cache.cleared": machine.cache,
    "cache.threshold": machine.cache,
    "cache.artifact.created": machine.cache,
    "cache.artifact.evicted": machine.cache,
    "daemon.started": machine.daemon,
    "daemon.stopped": machine.daemon,
    "daemon.error": machine.daemon,
    "daemon.recovered": machine.daemon,
    "confirmation.locked": service.confirmation,
    "channel.failing": service.channel,
    "channel.recovered": service.channel,
    "report.ready": service.report,
    reply.TYPE: reply.reply,
    "command.executed": service.command,
    "command.denied": service.command,
    "command.failed": service.command,
    "command.rejected": service.command,
}

_BY_PREFIX: tuple[tuple[str, Writer], ...] = (
    (digest.PREFIX, digest.digest),
    ("resource.", machine.level),
    ("build.duration.", machine.level),
    ("build.queue.", machine.level),
    ("build.failure_rate.", machine.level),
    ("cluster.capacity.", machine.level),
    ("node.", machine.member),
    ("plugin.", machine.member),
)


def render(event: Event, *, is_test: bool = False) -> Message:
    """What we say of an event. It says what the event and its payload hold, and nothing else.

    is_test: the message is a trial and will be marked as one.
    """
    return replace(_writer_of(event.type)(event, Facts(event.payload)), is_test=is_test, tone=tone_of(event))


def with_repeats(message: Message, count: int) -> Message:
    """The message, and how many like it were folded before it; itself if none were."""
    if not count:
        return message
    told = Field("Repeats", f"{count} more like this {'was' if count == 1 else 'were'} not sent")
    return replace(message, fields=(told, *message.fields))


def updated(first: Message, latest: Message) -> Message:
    """The first message of an incident, saying how things stand since the latest one; what it told stays below."""
    was = first.title if first.title != latest.title else ""
    return replace(first, title=latest.title, was=was, tone=latest.tone, actions=latest.actions)


def _writer_of(event_type: str) -> Writer:
    exact = _BY_TYPE.get(event_type)
    if exact is not None:
        return exact
    return next((writer for prefix, writer in _BY_PREFIX if event_type.startswith(prefix)), service.plain)
