"""`agent`: start, stop and look after the background process."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from buildnet_cli.cli.app import ExampleCommand, new_app
from buildnet_cli.cli.context import AppContext
from buildnet_cli.cli.exits import EXIT_OF
from buildnet_cli.cli.output import Column
from buildnet_cli.duration import format_duration
from buildnet_cli.errors import Kind, NotFoundError, TimedOutError, UnreachableError

app = new_app(
    "Start, stop and look after the background agent.", epilog="buildnet-notify agent start\nbuildnet-notify agent logs -f"
)

_STALE = " (changed on disk; take it over with: buildnet-notify agent reload)"

STOPS_WITHIN_SECS = 14.0
"""The agent drains for at most 12 s; what is left is the time to say so."""


@app.command(cls=ExampleCommand, epilog="buildnet-notify agent start")
def start(ctx: typer.Context) -> None:
    """Start the agent in the background, and wait until it answers."""
    from datetime import timedelta

    from buildnet_cli.agent.start import start as start_agent

    state: AppContext = ctx.obj
    started = start_agent(state.workspace)
    report = started.report
    api = report["api"] or "no TCP listener"
    if started.was_running:
        text = f"Agent already running (pid {started.pid}) · {api}"
    else:
        took = format_duration(timedelta(seconds=started.took_secs))
        note = f" ({report['note']})" if report.get("note") else ""
        text = f"Agent started (pid {started.pid}) in {took} · {api}{note} · channels: {_channels(report)}"
    for remark in report.get("remarks", ()):
        state.output.note(remark)
    state.output.result("agent-start", {"was_running": started.was_running, **report}, text)


@app.command(cls=ExampleCommand, epilog="buildnet-notify agent stop")
def stop(ctx: typer.Context) -> None:
    """Stop the agent: it finishes what it sends, stops its builds, and keeps the rest for the next start."""
    state: AppContext = ctx.obj
    stopped = _stop(state)
    if stopped is None:
        state.output.result("agent-stop", {"was_running": False}, "The agent is not running")
        return
    deliveries = "1 delivery" if stopped["kept"] == 1 else f"{stopped['kept']} deliveries"
    kept = f"; {deliveries} kept for the next start" if stopped["kept"] else ""
    state.output.result("agent-stop", {"was_running": True, **stopped}, f"Agent stopped (pid {stopped['pid']}){kept}")


@app.command(cls=ExampleCommand, epilog="buildnet-notify agent restart")
def restart(ctx: typer.Context) -> None:
    """Stop the agent if it runs, and start it. A wrong configuration stops nothing and is explained."""
    from buildnet_cli.agent.wiring import project_of

    state: AppContext = ctx.obj
    project_of(state.workspace, state.load_config())
    _stop(state)
    ctx.invoke(start, ctx)


@app.command(cls=ExampleCommand, epilog="buildnet-notify agent reload")
def reload(ctx: typer.Context) -> None:
    """Read the configuration again. A wrong one changes nothing and is explained."""
    state: AppContext = ctx.obj
    answer = state.agent.post("/api/agent/reload")
    for remark in answer["remarks"]:
        state.output.note(remark)
    state.output.result("agent-reload", answer, f"Configuration reloaded · channels: {_channels(answer)}")


@app.command(cls=ExampleCommand, epilog="buildnet-notify agent status")
def status(ctx: typer.Context) -> None:
    """The agent itself: pid, address, channels. Exit 5 if it does not run."""
    state: AppContext = ctx.obj
    try:
        now = state.agent.get("/api/status")
    except UnreachableError:
        stopped = {"state": "stopped", "pid": None}
        state.output.result("agent-status", stopped, "The agent is not running · start it with: buildnet-notify agent start")
        raise typer.Exit(EXIT_OF[Kind.UNREACHABLE]) from None
    from datetime import timedelta

    from buildnet_cli.agent.status import channels_by_state

    up = format_duration(timedelta(seconds=now["uptime_secs"]))
    lines = [
        f"{now['state']}  pid {now['pid']} · up {up} · v{now['version']}",
        f"api      {now['api'] or 'no TCP listener'} · {now['socket']}",
        f"channels {channels_by_state(now['channels'])}",
        f"config   {now['config']['path']}{_STALE if now['config']['is_stale'] else ''}",
    ]
    lines += [f"trouble  {now['trouble']} (see: buildnet-notify agent logs)"] if now["trouble"] else []
    state.output.result("agent-status", now, "\n".join(lines))


@app.command(cls=ExampleCommand, epilog="buildnet-notify agent logs -f")
def logs(
    ctx: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines are written, until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=10_000, help="How many of the last lines.")] = 50,
) -> None:
    """The agent's log."""
    state: AppContext = ctx.obj
    path = state.workspace.logs / "agent.log"
    if not path.exists():
        raise NotFoundError(f"there is no log at {path} yet", hint="start the agent: buildnet-notify agent start")
    position = _print_tail(state, path, lines)
    while follow:
        time.sleep(0.3)
        if path.stat().st_size < position:
            position = 0  # a new file was begun
        position = _print_from(state, path, position)


@app.command(cls=ExampleCommand, epilog="buildnet-notify agent run")
def run(
    ctx: typer.Context,
    ready_fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run the agent in the foreground, for containers and service managers. Notifications are shown here too."""
    from buildnet_cli.agent.launch import run_agent

    state: AppContext = ctx.obj
    raise typer.Exit(run_agent(state.workspace, ready_fd=ready_fd, verbosity=state.options.verbosity))


def _stop(state: AppContext) -> dict[str, Any] | None:
    from buildnet_cli.agent.lock import holder

    try:
        answer: dict[str, Any] = state.agent.post("/api/agent/stop")
    except UnreachableError:
        return None
    except TimedOutError as exc:
        pid = (holder(state.workspace.lock) or {}).get("pid")
        raise TimedOutError(exc.message, hint=f"end it, which loses nothing: kill -KILL {pid}" if pid else exc.hint) from exc
    deadline = time.monotonic() + STOPS_WITHIN_SECS
    while holder(state.workspace.lock) is not None:
        if time.monotonic() > deadline:
            raise TimedOutError(f"the agent (pid {answer['pid']}) still runs after {STOPS_WITHIN_SECS:.0f} s")
        time.sleep(0.02)
    return answer


def _channels(report: dict[str, Any]) -> str:
    return ", ".join(f"{channel['name']} {channel['state']}" for channel in report["channels"]) or "none configured"


_LOG_COLUMNS = [Column("TIME", "time"), Column("LEVEL", "level"), Column("LOGGER", "logger"), Column("MESSAGE", "message")]


def _print_tail(state: AppContext, path: Path, count: int) -> int:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - count * 2000))
        lines = file.read(size - file.tell()).decode("utf-8", "replace").splitlines()
    for line in lines[-count:]:
        _print_line(state, line)
    return size


def _print_from(state: AppContext, path: Path, position: int) -> int:
    with path.open("rb") as file:
        file.seek(position)
        content = file.read()
    whole = content[: content.rfind(b"\n") + 1]
    for line in whole.decode("utf-8", "replace").splitlines():
        _print_line(state, line)
    return position + len(whole)


def _print_line(state: AppContext, line: str) -> None:
    if state.output.as_json:
        sys.stdout.write(f"{line}\n")
    else:
        try:
            entry = json.loads(line)
        except ValueError:
            return  # the first line of a tail may be cut
        state.output.result("log", {}, "  ".join(str(entry.get(column.field, "")) for column in _LOG_COLUMNS))
        if "exception" in entry and state.options.verbosity:
            state.output.say(entry["exception"])
    sys.stdout.flush()
