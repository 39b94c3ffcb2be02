"""Words of the operator's own in the place of ours, by event type and channel.

A template is called `build.failed` for one type, `build` for a whole family, or `slack/build.failed` for one channel only. Its
first line becomes the title, the rest the sentence below; facts, log lines and commands stay. The nearest name wins.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace

from buildnet_cli.errors import ConfigError
from buildnet_cli.messages.model import Message
from buildnet_cli.messages.template import TextTemplate


class Overrides:
    """Templates by name. They are compiled by whoever reads them, who knows where they are written."""

    def __init__(self, templates: Mapping[str, TextTemplate]) -> None:
        self._templates = dict(templates)

    def reword(self, message: Message, channel: str) -> Message:
        """The message in the words of the template for its event and this channel; itself if there is none.

        Raises ConfigError, with the template's name in `where`, if that cannot be filled for this event or says nothing.
        """
        name = next((name for name in _names(message.event.type, channel) if name in self._templates), None)
        if name is None:
            return message
        try:
            text = self._templates[name].render(message).strip()
        except ConfigError as exc:
            raise ConfigError(exc.message, hint=exc.hint, where=name) from None
        if not text:
            raise ConfigError("the template says nothing of this event", where=name)
        title, _, line = text.partition("\n")
        return replace(message, title=title.strip(), line=line.strip())


def _names(event_type: str, channel: str) -> Iterator[str]:
    """`slack/build.failed`, `slack/build`, `build.failed`, `build`."""
    nearest_first = [*itertools.accumulate(event_type.split("."), "{}.{}".format)][::-1]
    yield from (f"{channel}/{name}" for name in nearest_first)
    yield from nearest_first
