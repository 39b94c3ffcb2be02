"""The words for builds: first failure, still failing, new error, fixed, and the quiet ones.

Payload: a build as `engine.model.Build.as_wire` writes it. What the producer knows beyond that, it may add:
`failures` (in a row, this one included), `passes_before` (successes before the first of them), `is_new_error`, `failures_before`
(that a success ended), `red_secs` (how long it has been or was failing), `median_ms`, `queued_position`, `estimated_start`,
`queue_depth` (builds that wait), `skipped` (packages not built because of it), `host`, `commit`, `branch`.
"""

from __future__ import annotations

import re
from datetime import timedelta

from buildnet_cli.config.engine import PACKAGE_NAME
from buildnet_cli.events.model import Event
from buildnet_cli.messages.facts import Facts, fields_of
from buildnet_cli.messages.model import Field, Message
from buildnet_cli.messages.words import said

_TAIL_LINES = 12
_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)

_WORD = re.compile(r"\w+")
_BUILD_ID = re.compile(r"(?:build|run)_[0-9a-z]{1,40}")

_REASONS = {
    "timeout": "it ran out of time",
    "signal": "it was killed by a signal",
    "dependency": "not built, because a dependency failed",
    "agent_crash": "the agent ended while it ran",
}


def failed(event: Event, facts: Facts) -> Message:
    """`api FAILED (1st after 14 ok)`, `api STILL FAILING ×3`, `api FAILED, NEW ERROR`; then the first error and its place."""
    error = facts.part("error")
    headline, place = error.text("headline"), _place(error)
    title = f"{_package(event, facts)} {_failure_words(facts)}"
    told = _news(event, f"{title} {event.type}", headline)
    if headline:
        line = f"{headline} ({place})" if place else headline
    else:
        line = told or _REASONS.get(facts.text("reason"), said(event))
    return Message(
        event,
        title=title,
        line=line,
        fields=(
            *fields_of(
                ("Message", told if headline else ""),
                ("Try", error.text("suggestion")),
                ("Not built", facts.names("skipped")),
                ("Built because", facts.part("why").text("summary")),
                ("Red for", _red(facts)),
            ),
            *_common_fields(facts),
            *fields_of(("Exit code", facts.text("exit_code"))),
        ),
        code=error.lines("tail", last=_TAIL_LINES) or _further_lines(event),
        actions=(*_build_action(event, facts), "HISTORY"),
    )


def completed(event: Event, facts: Facts) -> Message:
    """`api FIXED after 3 failures`, else `api ok 8.2s`."""
    took = _duration(facts)
    return _success(event, facts, f"ok {took}" if took else "ok")


def cached(event: Event, facts: Facts) -> Message:
    """`api FIXED after 3 failures`, else `api ok, cached`: nothing had to be built."""
    return _success(event, facts, "ok, cached")


def _success(event: Event, facts: Facts, word: str) -> Message:
    failures = facts.count("failures_before")
    line = said(event)
    if failures:
        word = f"FIXED after {failures} failure{'s' if failures > 1 else ''}"
        line = f"green again, after {_red(facts)} red" if _red(facts) else "green again"
    return Message(event, f"{_package(event, facts)} {word}", line, fields=_common_fields(facts), actions=("HISTORY",))


def queued(event: Event, facts: Facts) -> Message:
    """`api queued #3`."""
    position = facts.count("queued_position")
    title = f"{_package(event, facts)} queued" + (f" #{position}" if position else "")
    fields = fields_of(("Starts about", facts.text("estimated_start")), ("Queue", _queue(facts)))
    return Message(event, title, said(event), fields=(*_common_fields(facts), *fields), actions=_cancel_action(facts))


def started(event: Event, facts: Facts) -> Message:
    """`api started`."""
    return Message(
        event,
        f"{_package(event, facts)} started",
        said(event),
        fields=(*_common_fields(facts), *fields_of(("Queue", _queue(facts)))),
        actions=_cancel_action(facts),
    )


def cancelled(event: Event, facts: Facts) -> Message:
    """`api CANCELLED`; it says nothing of whether the package builds."""
    return Message(
        event,
        f"{_package(event, facts)} CANCELLED",
        said(event),
        fields=(
            *fields_of(("Cancelled by", facts.text("cancelled_by"))),
            *_common_fields(facts),
            *fields_of(("Queue", _queue(facts))),
        ),
        actions=_build_action(event, facts),
    )


def _news(event: Event, shown: str, headline: str) -> str:
    """What the producer said, if it is more than the state and the first error, which are shown anyway."""
    own = said(event) if event.message else ""
    is_known = not set(_WORD.findall(own.lower())) - set(_WORD.findall(shown.lower()))
    return "" if is_known or (headline and headline in own) else own


def _failure_words(facts: Facts) -> str:
    failures, passes = facts.count("failures"), facts.count("passes_before")
    if facts.is_set("is_new_error"):
        return "FAILED, NEW ERROR"
    if failures is not None and failures > 1:
        return f"STILL FAILING ×{failures}"
    return f"FAILED (1st after {passes} ok)" if passes else "FAILED"


def _common_fields(facts: Facts) -> tuple[Field, ...]:
    return fields_of(
        ("Duration", _duration_and_median(facts)),
        ("Tier", facts.text("tier")),
        ("Requested by", facts.text("requested_by")),
        ("Host", facts.text("host")),
        ("Branch", facts.text("branch")),
        ("Commit", facts.text("commit")),
        ("Build", facts.text("id")),
    )


def _package(event: Event, facts: Facts) -> str:
    return facts.text("package") or event.subject or "build"


def _place(error: Facts) -> str:
    file, line = error.text("file"), error.count("line")
    return f"{file}:{line}" if file and line is not None else file


def _duration(facts: Facts) -> str:
    return facts.duration("duration_ms", unit=_MILLISECOND)


def _duration_and_median(facts: Facts) -> str:
    took, median = _duration(facts), facts.duration("median_ms", unit=_MILLISECOND)
    return f"{took} (median {median})" if took and median else took


def _queue(facts: Facts) -> str:
    depth = facts.count("queue_depth")
    return f"{depth:,} waiting" if depth else ""


def _red(facts: Facts) -> str:
    return facts.duration("red_secs", unit=_SECOND)


def _further_lines(event: Event) -> str:
    return "\n".join(event.message.strip().splitlines()[1:][-_TAIL_LINES:])


def _build_action(event: Event, facts: Facts) -> tuple[str, ...]:
    package = facts.text("package") or event.subject
    # A name that fits no command is offered in none.
    return (f"BUILD {package}",) if PACKAGE_NAME.fullmatch(package) else ()


def _cancel_action(facts: Facts) -> tuple[str, ...]:
    build = facts.text("id")
    return (f"CANCEL {build}",) if _BUILD_ID.fullmatch(build) else ()
