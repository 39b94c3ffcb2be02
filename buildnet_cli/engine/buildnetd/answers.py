"""What the daemon's answers mean. Pure.

Source: BuildNet daemon 0.1.0. A failed build is a 200 with `status: failed`; errors are `{error, code, hint?}`, unless its
framework refuses first: then they are plain text.
"""

from __future__ import annotations

import enum
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from buildnet_cli.engine.model import Tier
from buildnet_cli.net.answer import Answer, quote

_WAIT = re.compile(r"wait (\d{1,6}) seconds?", re.IGNORECASE)
_WAIT_UNTOLD_SECS = 60.0
"""If a 429 does not say how long: the daemon's whole window."""

OUR_AGENT = "buildnet-notify/"
"""How our own requests are known in the daemon's event stream."""


class _Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class DaemonStatus(_Shape):
    """`GET /status`. state_stats tells the daemon from whatever else may answer there, our own agent included."""

    version: str
    project_root: str
    state_stats: dict[str, Any]


class CacheFigures(_Shape):
    """`GET /cache/stats`. total_size: in bytes."""

    total_size: int
    artifact_count: int


class Removed(_Shape):
    """`POST /cache/clear`."""

    removed: int


class Built(_Shape):
    """The answer to `POST /build/{package}`."""

    package: str
    tier: Tier
    status: Literal["pending", "running", "completed", "failed", "cached", "skipped"]
    error: str | None = None


class Row(_Shape):
    """One of `GET /builds`: a build that really ran; skipped and restored ones have none, and none says its tier."""

    id: str
    package: str
    status: str
    started_at: datetime
    completed_at: datetime | None = None
    error: str | None = None

    @property
    def is_running(self) -> bool:
        return self.status in ("pending", "running")


class Verdict(enum.Enum):
    """What became of a build request."""

    BUILT = enum.auto()
    """It ran to its end, whatever that was."""
    TOO_MANY = enum.auto()
    """Not taken: too many requests in the last minute."""
    BUSY = enum.auto()
    """Not taken: somebody else builds the package."""
    NO_PACKAGE = enum.auto()
    """Not taken: the daemon knows no such package."""
    REFUSED = enum.auto()
    """Not taken, or broken off, for another reason."""
    NOT_SENT = enum.auto()
    """The daemon was not reached."""
    LOST = enum.auto()
    """The daemon had it, and the connection broke: nobody knows how it ended."""


@dataclass(frozen=True, slots=True)
class Reply:
    """wait_secs: with TOO_MANY. built: with BUILT. said: the daemon's words, or those for what went wrong, in one line."""

    verdict: Verdict
    built: Built | None = None
    said: str = ""
    wait_secs: float = 0.0


@dataclass(frozen=True, slots=True)
class Heard:
    """One event of the stream. package: empty if it is about none or about all. source: `curl`, `cli` …; empty if unknown.

    packages: what a full build is about. is_ours: whether a request of ours caused it.
    """

    type: str
    package: str = ""
    packages: tuple[str, ...] = ()
    source: str = ""
    is_ours: bool = False


_Read = TypeVar("_Read", bound=_Shape)
_ROWS = TypeAdapter(list[Row])


def read(kind: type[_Read], text: str) -> _Read | None:
    """An answer of this kind; None if it is none."""
    try:
        return kind.model_validate_json(text)
    except ValidationError:
        return None


def read_rows(text: str) -> list[Row] | None:
    """The daemon's builds, newest first; None if this is no such list."""
    try:
        return _ROWS.validate_json(text)
    except ValidationError:
        return None


def read_build(answer: Answer) -> Reply:
    """What became of a build request that was answered."""
    said = _error_of(answer.text)
    if answer.status == 200:
        built = read(Built, answer.text)
        if built is None:
            return Reply(Verdict.LOST, said="the daemon's answer broke off, or is none that we know")
        return Reply(Verdict.BUILT, built)
    if answer.status == 429:
        told = _WAIT.search(said)
        return Reply(Verdict.TOO_MANY, said=said, wait_secs=float(told[1]) if told else _WAIT_UNTOLD_SECS)
    if answer.status == 409:
        return Reply(Verdict.BUSY, said=said)
    if answer.status == 404:
        return Reply(Verdict.NO_PACKAGE, said=said)
    return Reply(Verdict.REFUSED, said=f"the daemon answered {answer.status}" + (f": {said}" if said else ""))


def read_event(line: str) -> Heard | None:
    """What a line of the event stream tells; None for comments, blank lines and whatever is no event."""
    if not line.startswith("data:"):
        return None
    event = _object(line.removeprefix("data:"))
    source, build = _part(event, "source"), _part(event, "build_info")
    return Heard(
        type=_text(event, "event_type"),
        package=_text(event, "package"),
        packages=tuple(name for name in build.get("packages") or () if isinstance(name, str)),
        source=_text(source, "source_type"),
        is_ours=_text(source, "user_agent").startswith(OUR_AGENT),
    )


def _error_of(text: str) -> str:
    """The words of a refusal, JSON or not."""
    return quote(_text(_object(text), "error") or text)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _part(event: dict[str, Any], name: str) -> dict[str, Any]:
    part = event.get(name)
    return part if isinstance(part, dict) else {}


def _text(event: dict[str, Any], name: str) -> str:
    value = event.get(name)
    return value if isinstance(value, str) else ""
