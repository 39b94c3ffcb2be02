"""Events and messages for tests, one sample for every family."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from buildnet_cli.delivery.model import OutgoingMessage
from buildnet_cli.events.catalog import priority_of
from buildnet_cli.events.model import Event
from buildnet_cli.events.priority import Priority
from buildnet_cli.messages.model import Message
from buildnet_cli.messages.render import render
from buildnet_cli.routing.decision import Target

NOON = datetime(2024, 1, 26, 12, 0, tzinfo=UTC)


def event(
    type: str = "build.failed", message: str = "", subject: str = "", *, priority: str | None = None, **payload: Any
) -> Event:
    """An event of the type's own priority; further keywords are its payload."""
    worth = Priority(priority) if priority is not None else priority_of(type, Priority.MEDIUM)
    return Event("evt_01hn3p4q5r6s7t8v9w0x1y2z3a", type, worth, message, subject, "engine", NOON, payload)


def outgoing(message: Message, target: str = "webhook:Custom API", *, attempt: int = 1) -> OutgoingMessage:
    """A message on its way to `channel:recipient`."""
    return OutgoingMessage("dlv_01hn3p4q5r6s7t8v9w0x1y2z3b", Target.parse(target), message, attempt, NOON)


def rendered(*args: Any, **payload: Any) -> Message:
    """The rendering of `event(…)`."""
    return render(event(*args, **payload))


ERROR: dict[str, Any] = {
    "headline": "TS2345: Argument of type 'string' is not assignable to parameter of type 'number'.",
    "file": "src/api/routes.ts",
    "line": 42,
    "suggestion": "compare the argument with the parameter's type",
    "tail": "\x1b[31msrc/api/routes.ts:42:13\x1b[0m - error TS2345\n42   listen(port)\n            ~~~~\nFound 1 error.",
}
BUILD: dict[str, Any] = {
    "id": "build_01hn3p4q5r6s7t8v9w0x1y2z3c",
    "run_id": "run_01hn3p4q5r6s7t8v9w0x1y2z3d",
    "package": "api",
    "status": "failed",
    "tier": "FullBuild",
    "queued_at": "2024-01-26T11:59:50.000Z",
    "started_at": "2024-01-26T11:59:51.800Z",
    "finished_at": "2024-01-26T12:00:00.000Z",
    "duration_ms": 8200,
    "requested_by": "sms:DevOps Lead",
    "reason": "exit",
    "exit_code": 2,
    "error": ERROR,
}
BUILT: dict[str, Any] = {**BUILD, "status": "completed", "reason": None, "exit_code": 0, "error": None}

SAMPLES: dict[str, Event] = {
    "build.failed-first": event("build.failed", "api failed", "api", **BUILD, failures=1, passes_before=14, median_ms=7100),
    "build.failed-still": event("build.failed", "api failed", "api", **BUILD, failures=3, red_secs=2520),
    "build.failed-new-error": event("build.failed", "api failed", "api", **BUILD, failures=2, is_new_error=True),
    "build.failed-timeout": event("build.failed", "web FAILED", "web", package="web", reason="timeout", duration_ms=600_000),
    "build.failed-with-dependents": event(
        "build.failed", f"api FAILED: {ERROR['headline']}", "api", **BUILD, skipped=["web", "app"]
    ),
    "build.failed-explained": event(
        "build.failed", "api failed", "api", **BUILD, why={"summary": "src/main.c changed, dependency lib changed"}
    ),
    "build.failed-emitted": event("build.failed", "Nightly broke\nsee the wiki\nand ask Dana", "nightly", exit_code=1),
    "build.failed-with-a-note": event("build.failed", "Please look, Dana", "api", **BUILD),
    "build.completed": event("build.completed", "api built", "api", **BUILT, median_ms=7900),
    "build.completed-fixed": event("build.completed", "api built", "api", **BUILT, failures_before=3, red_secs=2520),
    "build.cached-fixed": event("build.cached", "", "api", **{**BUILT, "tier": "CacheRestore"}, failures_before=1, red_secs=60),
    "build.cached": event("build.cached", "restored from the cache", "api", **{**BUILT, "tier": "CacheRestore"}),
    "build.queued": event(
        "build.queued", "", "api", **{**BUILT, "status": "queued", "duration_ms": None}, queued_position=3, queue_depth=4
    ),
    "build.started": event("build.started", "", "api", id=BUILD["id"], package="api", requested_by="cli", queue_depth=0),
    "build.cancelled": event(
        "build.cancelled", "api cancelled by Dana", "api", id=BUILD["id"], package="api", cancelled_by="Dana", queue_depth=2
    ),
    "build.queue.warning": event("build.queue.warning", "12 builds wait", size=12, limit=10),
    "build.failure_rate.critical": event("build.failure_rate.critical", "", percent=51.25, limit_percent=50),
    "resource.cpu.high": event("resource.cpu.high", "", "ci-01", percent=97, limit_percent=90, for_secs=45, peak_percent=99),
    "resource.disk.low": event("resource.disk.low", "", "/var/www", host="ci-01", percent=96.2, full_in_secs=7200, free_mb=1204),
    "resource.memory.normal": event("resource.memory.normal", "back after 14m", "ci-01", percent=41),
    "daemon.stopped": event("daemon.stopped", "stopped by signal 15", "ci-01", uptime_secs=274_000, builds_lost=2),
    "daemon.started": event("daemon.started", "", "ci-01", version="0.1.0"),
    "node.failed": event("node.failed", "3 checks missed since 14:29", "w3", moved_builds=2),
    "node.joined": event("node.joined", "", "w3"),
    "plugin.failed": event("plugin.failed", "", "lint", reason="no module named lint"),
    "cache.threshold": event("cache.threshold", "", percent=92, size_mb=4710, limit_mb=5120),
    "cache.cleared": event("cache.cleared", "cleared by Dana", artifacts=1204, freed_mb=4.2),
    "cache.artifact.evicted": event("cache.artifact.evicted", "", "api", size_mb=12),
    "cluster.capacity.critical": event("cluster.capacity.critical", "", percent=96),
    "command.denied": event("command.denied", "not allowed to STOP", command="STOP", principal="Dana", channel="sms"),
    "command.executed": event("command.executed", "", command="STATUS", principal="Dana", channel="sms"),
    "confirmation.locked": event("confirmation.locked", "", principal="Dana", channel="sms", command="CACHE CLEAR"),
    "channel.failing": event("channel.failing", "Slack answers 403", "slack", answer="invalid_auth", waiting=12),
    "channel.recovered": event("channel.recovered", "", "slack", for_secs=3600),
    "report.ready": event("report.ready", "", name="weekly", period="2024-01-15 to 2024-01-21", format="html", id="rpt_1"),
    "custom.deploy.done": event("custom.deploy.done", "Deployed to production", "shop", version="1.4.2", regions=3),
    "unknown": event("deploy.exploded"),
}
"""File name → event, for the golden files."""
