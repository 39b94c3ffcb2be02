"""The operator's templates in `.buildnet/templates/`: read at the start and at every reload, and checked by `config validate`."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from buildnet_cli.channels.registry import SUPPORTED
from buildnet_cli.config.fields import did_you_mean
from buildnet_cli.config.problems import Problem, Severity
from buildnet_cli.errors import ConfigError
from buildnet_cli.events.catalog import CATALOG
from buildnet_cli.messages.model import Message

if TYPE_CHECKING:
    from buildnet_cli.messages.template import TextTemplate

_log = logging.getLogger(__name__)

SUFFIX = ".j2"

_LARGEST = 1 << 18  # bytes that are read; more is said to be too long
_OPEN_FAMILIES = frozenset({"custom", "digest"})


class Wording:
    """What messages say by one configuration. A template that fails is told in the log, and our own words are sent."""

    def __init__(self, folder: Path) -> None:
        """folder: where the templates are; there may be none."""
        files = _files(folder)
        self._overrides = None
        if not files:
            return
        from buildnet_cli.messages.override import Overrides

        self._folder = folder
        templates = {}
        for file in files:
            try:
                templates[_name(folder, file)] = _compiled(file)
            except ConfigError as exc:
                self._report(exc, file)
        self._overrides = Overrides(templates)

    def reword(self, message: Message, channel: str) -> Message:
        """The message as it is to be said on a channel."""
        if self._overrides is None:
            return message
        try:
            return self._overrides.reword(message, channel)
        except ConfigError as exc:
            self._report(exc, self._folder / f"{exc.where}{SUFFIX}")
            return message

    def _report(self, exc: ConfigError, file: Path) -> None:
        _log.warning("template %s: %s; the built-in words are sent instead", file, exc.message, extra={"hint": exc.hint})


def check(folder: Path) -> list[Problem]:
    """What is wrong with the templates of a folder: an error for one that is not valid, a warning for one that nothing uses."""
    return [problem for file in _files(folder) for problem in _problems(folder, file)]


def _problems(folder: Path, file: Path) -> Iterator[Problem]:
    try:
        _compiled(file)
    except ConfigError as exc:
        place = f" ({exc.where})" if exc.where else ""
        yield Problem(Severity.ERROR, f"{exc.message}{place}", exc.hint, str(file))
    channel, slash, event_type = _name(folder, file).rpartition("/")
    if slash and channel not in SUPPORTED:
        hint = did_you_mean(channel, SUPPORTED) or f"known are {', '.join(sorted(SUPPORTED))}"
        yield Problem(Severity.WARNING, f'nothing uses this template: "{channel}" is no channel', hint.strip(" ;"), str(file))
    known = {prefix for name in CATALOG for prefix in itertools.accumulate(name.split("."), "{}.{}".format)}
    if event_type.split(".")[0] not in _OPEN_FAMILIES and event_type not in known:
        hint = did_you_mean(event_type, known)
        yield Problem(Severity.WARNING, f'no known event is called "{event_type}"', hint.strip(" ;"), str(file))


def _files(folder: Path) -> list[Path]:
    return sorted(file for pattern in (f"*{SUFFIX}", f"*/*{SUFFIX}") for file in folder.glob(pattern) if file.is_file())


def _name(folder: Path, file: Path) -> str:
    return file.relative_to(folder).as_posix().removesuffix(SUFFIX)


def _compiled(file: Path) -> TextTemplate:
    from buildnet_cli.messages.template import TextTemplate

    try:
        with file.open("rb") as opened:
            text = opened.read(_LARGEST).decode("utf-8")
    except OSError as exc:
        raise ConfigError(f"the template cannot be read: {(exc.strerror or 'refused').lower()}") from None
    except UnicodeDecodeError as exc:
        raise ConfigError(f"the template is no UTF-8 text (byte {exc.start})", hint="save it as UTF-8") from None
    return TextTemplate.parse(text)
