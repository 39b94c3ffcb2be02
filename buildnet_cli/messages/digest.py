"""Several events in one message: what is still open first, then what came and went, then how much there was of everything.

Payload, as `compose` writes it: `kind` (quiet_hours, batch, rate_limit, backlog or held), `events` (how many), `from`, `until`,
`zone`, `open` (`{type, subject, message, at}`), `closed` (`{type, subject, opened_at, closed_at}`; `opened_at` is null if it was
told before), `counts` (`{type, count, subjects: [{subject, count}]}`, which add up to `events`) and `event_ids`, the newest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from buildnet_cli.clock import from_rfc3339, to_rfc3339
from buildnet_cli.events.catalog import Turn
from buildnet_cli.events.incident import IncidentKey, Pairing, key_of, turn_of
from buildnet_cli.events.model import Event
from buildnet_cli.messages import service
from buildnet_cli.messages.facts import Facts
from buildnet_cli.messages.fit import fit
from buildnet_cli.messages.model import Message
from buildnet_cli.messages.words import said

PREFIX: Final = "digest."
"""Types of messages of this kind: `digest.quiet_hours` …"""

_MOST_LISTED = 20
_MOST_SUBJECTS = 8
_MOST_IDS = 100
_MOST_TEXT = 1400
_LONGEST_LINE = 200
_SHORT = {"quiet_hours": "While it was quiet", "batch": "collected", "rate_limit": "held", "held": "held", "backlog": "delayed"}


@dataclass(slots=True)
class _Story:
    """What happened to one problem in this digest."""

    opened: Event | None = None
    closed: Event | None = None


def compose(
    events: Sequence[Event],
    kind: str,
    is_open: Mapping[IncidentKey, bool],
    zone: str = "UTC",
    pairing: Pairing | None = None,
) -> dict[str, Any]:
    """The payload of a digest.

    events: oldest first, at least one. is_open: which of the problems they tell of are still open. zone: for the times.
    """
    stories: dict[IncidentKey, _Story] = {}
    for event in events:
        key, turn = key_of(event, pairing), turn_of(event, pairing)
        if key is None or turn is None:
            continue
        story = stories.setdefault(key, _Story())
        if turn is Turn.OPENS:
            story.opened = event if story.opened is None or story.closed is not None else story.opened
            story.closed = None
        else:
            story.closed = event
    still = [story.opened for key, story in stories.items() if story.opened and not story.closed and is_open.get(key, False)]
    over = [story for story in stories.values() if story.closed is not None]
    return {
        "kind": kind,
        "events": len(events),
        "from": to_rfc3339(min(event.timestamp for event in events)),
        "until": to_rfc3339(max(event.timestamp for event in events)),
        "zone": zone,
        "open": [_problem(event) for event in still],
        "closed": [_pair(story) for story in over],
        "counts": _counts(events),
        "event_ids": [event.id for event in events[-_MOST_IDS:]],
    }


def headline(payload: Mapping[str, Any]) -> str:
    """`While it was quiet: 2 open, 12 closed`; `37 held: build.failed ×31 (api 22, ui 9), …`; `8 delayed, 2 still open: …`."""
    word = _SHORT.get(str(payload.get("kind")), "held")
    if payload.get("kind") == "quiet_hours":
        opened, closed = len(payload["open"]), len(payload["closed"])
        told = [f"{opened} open" if opened else "", f"{closed} closed" if closed else ""]
        return f"{word}: {', '.join(filter(None, told)) or _number(payload['events'])}"
    # After an outage the question is what is still broken.
    still = f", {len(payload['open'])} still open" if payload.get("kind") == "backlog" and payload["open"] else ""
    return f"{payload['events']} {word}{still}: {', '.join(_totals(payload))}"


def digest(event: Event, facts: Facts) -> Message:
    """The headline, how much there was of everything, and a line for each problem."""
    try:
        return _digest(event)
    except (LookupError, TypeError, ValueError, AttributeError, OSError):
        return service.plain(event, facts)  # anybody may hand in an event of such a type, with any payload


def still_open(event: Event) -> str:
    """`open: build.failed api, node.failed w3`: what a digest leaves open, for where there is no room for more; else empty."""
    problems = event.payload.get("open") if event.type.startswith(PREFIX) else None
    named = [Facts(each) for each in problems if isinstance(each, Mapping)] if isinstance(problems, list) else []
    names = [" ".join(filter(None, (facts.text("type"), facts.text("subject")))) for facts in named[:_MOST_LISTED]]
    return f"open: {', '.join(names)}" if names else ""


def _digest(event: Event) -> Message:
    payload = event.payload
    lines = [*_open_lines(payload), *_closed_lines(payload), *_count_lines(payload)]
    is_night = payload.get("kind") == "quiet_hours"
    begin, end = _time(payload, "from"), _time(payload, "until")
    span = f"{begin if begin == end else f'{begin} to {end}'} {payload['zone']}"
    line = f"{_number(payload['events'])}, {span}" + (f": {', '.join(_totals(payload))}" if is_night else "")
    return Message(event, title=headline(payload), line=line, code=_bounded(lines))


def _bounded(lines: Sequence[str]) -> str:
    """The first lines, which matter most; channels would cut the beginning of a text that is too long for them."""
    kept: list[str] = []
    room = _MOST_TEXT
    for line in lines:
        cut = fit(line, _LONGEST_LINE)
        room -= len(cut) + 1
        if room < 0:
            return "\n".join([*kept, f"and {len(lines) - len(kept)} more lines"])
        kept.append(cut)
    return "\n".join(kept)


def _problem(event: Event) -> dict[str, Any]:
    return {"type": event.type, "subject": event.subject, "message": said(event), "at": to_rfc3339(event.timestamp)}


def _pair(story: _Story) -> dict[str, Any]:
    assert story.closed is not None, "only what is over is a pair"
    shown = story.opened or story.closed
    return {
        "type": shown.type,
        "subject": shown.subject,
        "opened_at": to_rfc3339(story.opened.timestamp) if story.opened is not None else None,
        "closed_at": to_rfc3339(story.closed.timestamp),
    }


def _counts(events: Sequence[Event]) -> list[dict[str, Any]]:
    subjects: dict[str, Counter[str]] = {}
    for event in events:
        subjects.setdefault(event.type, Counter())[event.subject] += 1
    by_type = sorted(subjects.items(), key=lambda each: (-each[1].total(), each[0]))
    return [
        {
            "type": type_,
            "count": counted.total(),
            "subjects": [
                {"subject": subject, "count": count}
                for subject, count in sorted(counted.items(), key=lambda each: (-each[1], each[0]))
            ][:_MOST_LISTED],
        }
        for type_, counted in by_type
    ]


def _totals(payload: Mapping[str, Any]) -> Iterator[str]:
    for entry in payload["counts"][:_MOST_SUBJECTS]:
        yield f"{entry['type']} ×{entry['count']}{_subjects(entry)}"
    if len(payload["counts"]) > _MOST_SUBJECTS:
        yield f"{len(payload['counts']) - _MOST_SUBJECTS} more types"


def _subjects(entry: Mapping[str, Any]) -> str:
    named = [each for each in entry["subjects"] if each["subject"]]
    if not named:
        return ""
    is_each_once = all(each["count"] == 1 for each in named)
    shown = ", ".join(
        each["subject"] if is_each_once else f"{each['subject']} {each['count']}" for each in named[:_MOST_SUBJECTS]
    )
    rest = entry["count"] - sum(each["count"] for each in named[:_MOST_SUBJECTS])
    return f" ({shown}{f', others {rest}' if rest else ''})"


def _open_lines(payload: Mapping[str, Any]) -> Iterator[str]:
    for problem in payload["open"][:_MOST_LISTED]:
        name = " ".join(filter(None, (problem["type"], problem["subject"])))
        yield f"OPEN   {name} since {_clock(problem['at'], payload)}: {problem['message']}"
    yield from _more(payload["open"], "open")


def _closed_lines(payload: Mapping[str, Any]) -> Iterator[str]:
    for pair in payload["closed"][:_MOST_LISTED]:
        name = " ".join(filter(None, (pair["type"], pair["subject"])))
        began = f"{_clock(pair['opened_at'], payload)}, " if pair["opened_at"] else ""
        yield f"closed {name} {began}over {_clock(pair['closed_at'], payload)}"
    yield from _more(payload["closed"], "closed")


def _count_lines(payload: Mapping[str, Any]) -> Iterator[str]:
    for entry in payload["counts"][:_MOST_LISTED]:
        yield f"{entry['count']:>6} {entry['type']}{_subjects(entry)}"


def _more(problems: Sequence[object], word: str) -> Iterator[str]:
    if len(problems) > _MOST_LISTED:
        yield f"       and {len(problems) - _MOST_LISTED} more {word}"


def _number(events: int) -> str:
    return f"{events} event{'' if events == 1 else 's'}"


def _time(payload: Mapping[str, Any], name: str) -> str:
    return _clock(payload[name], payload)


def _clock(text: str, payload: Mapping[str, Any]) -> str:
    moment: datetime = from_rfc3339(text).astimezone(ZoneInfo(payload["zone"]))
    return f"{moment:%a %H:%M}"
