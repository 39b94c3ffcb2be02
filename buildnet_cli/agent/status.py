"""The agent's account of itself: one object for programs, and its text for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from buildnet_cli.clock import from_rfc3339, to_rfc3339
from buildnet_cli.duration import format_age, format_duration

if TYPE_CHECKING:  # the terminal, too, says it in these words, and counts its imports
    from buildnet_cli.delivery.breaker import Breaker
    from buildnet_cli.engine.model import Build, EngineStatus
    from buildnet_cli.routing.decision import Target

_FINAL = ("delivered", "suppressed", "expired", "cancelled", "dead")


def describe_queue(engine: EngineStatus) -> dict[str, Any]:
    """What runs and what waits."""
    return {
        "running": [build.as_wire() for build in engine.running],
        "waiting": len(engine.queued),
        "queued": [{"id": build.id, "package": build.package} for build in engine.queued],
    }


def describe_deliveries(counts: Mapping[str, int]) -> dict[str, int]:
    """Every state with its count, zero included."""
    return {state: counts.get(state, 0) for state in ("pending", "held", *_FINAL)}


def describe_trouble(target: Target, breaker: Breaker) -> dict[str, Any]:
    """Who does not take what is sent, since when, in which words, and when it is tried again."""
    return {
        "target": str(target),
        "state": breaker.flow.value,
        "since": to_rfc3339(breaker.since) if breaker.since is not None else None,
        "answer": breaker.answer,
        "next_try_at": to_rfc3339(breaker.not_before) if breaker.not_before is not None else None,
    }


def as_text(status: Mapping[str, Any], recent: Sequence[Build], now: datetime) -> str:
    """The status on a few lines, with words for every state."""
    engine, queue, deliveries = status["engine"], status["queue"], status["deliveries"]
    up = format_duration(timedelta(seconds=status["uptime_secs"]))
    packages = _count(len(engine["packages"]), "package")
    paused = " · paused until RESUME" if engine["state"] == "paused" else ""
    lost = ", unreachable: what is queued waits for it" if engine["state"] == "unreachable" else ""
    lines = [
        f"{status['state']:<12}pid {status['pid']} · up {up} · {engine['kind']} engine, {packages}{lost}",
        f"building    {_running(queue['running'], now)} · {queue['waiting']} waiting{_names(queue['queued'])}{paused}",
    ]
    lines += [f"{'builds' if number == 0 else '':<12}{_build_line(build, now)}" for number, build in enumerate(recent)]
    lines.append(f"channels    {channels_by_state(status['channels'])}")
    lines += [_trouble_line(trouble, now) for trouble in status["targets"]]
    shown = [f"{count} {state}" for state, count in deliveries.items() if count or state == "pending"]
    lines.append(f"deliveries  {', '.join(shown)}")
    if status["trouble"]:
        lines.append(f"trouble     {status['trouble']} (see: buildnet-notify agent logs)")
    if status["config"]["is_stale"]:
        lines.append("config      changed on disk; take it over with: buildnet-notify agent reload")
    return "\n".join(lines) + "\n"


def channels_by_state(channels: Sequence[Mapping[str, str]]) -> str:
    """The channels in one line, those of one state together: `sms, slack ok · email failing`."""
    by_state: dict[str, list[str]] = {}
    for channel in channels:
        by_state.setdefault(channel["state"], []).append(channel["name"])
    return " · ".join(f"{', '.join(names)} {state}" for state, names in by_state.items()) or "none configured"


def _trouble_line(trouble: Mapping[str, Any], now: datetime) -> str:
    since = f" for {format_duration(now - from_rfc3339(trouble['since']))}" if trouble["since"] else ""
    due = from_rfc3339(trouble["next_try_at"]) if trouble["next_try_at"] else now
    again = f" · next try in {format_duration(due - now)}" if due > now else ""
    return f"{'':<12}{trouble['target']} {trouble['state']}{since}: {trouble['answer']}{again}"


def _running(running: Sequence[Mapping[str, Any]], now: datetime) -> str:
    parts = []
    for build in running:
        since = f" {format_duration(now - from_rfc3339(build['started_at']))}" if build["started_at"] else ""
        parts.append(f"{build['package']}{since}")
    return ", ".join(parts) or "nothing"


def _names(queued: Sequence[Mapping[str, Any]]) -> str:
    names = ", ".join(build["package"] for build in queued[:5])
    return f" ({names}{', …' if len(queued) > 5 else ''})" if names else ""


def _build_line(build: Build, now: datetime) -> str:
    took = f" in {format_duration(build.duration)}" if build.duration is not None else ""
    why = f": {build.error.headline}" if build.error is not None else ""
    return f"{format_age(now - build.queued_at):<12}{build.package} {build.status}{took}{why}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
