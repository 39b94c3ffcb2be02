"""`cmd`: any remote-control command, from the terminal."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from buildnet_cli.cli.app import single_command
from buildnet_cli.cli.context import AppContext
from buildnet_cli.cli.exits import EXIT_OF
from buildnet_cli.errors import BuildNetError, Kind

_POLL_SECS = 0.2


@single_command(
    epilog='buildnet-notify cmd "BUILD api" --wait\nbuildnet-notify cmd "CACHE CLEAR" --confirm 483920\nbuildnet-notify cmd HELP'
)
def app(
    ctx: typer.Context,
    text: Annotated[list[str], typer.Argument(help='The command, such as "BUILD api".', metavar="TEXT")],
    confirm: Annotated[
        str | None, typer.Option("--confirm", metavar="CODE", help="The code of a command that asked back; it runs then.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow a build to its end; exit 1 if it fails.")] = False,
) -> None:
    """Give a command to the agent, as one could from a phone."""
    state: AppContext = ctx.obj
    command = " ".join(text)
    wanted = {"command": command} if confirm is None else {"command": command, "confirm": confirm}
    answer = state.agent.post("/api/commands/execute", wanted, timeout_secs=30)
    _fail_if_refused(answer)
    if answer["status"] == "confirmation_required":
        state.output.result("command", _public(answer), _as_question(answer))
        raise typer.Exit(EXIT_OF[Kind.CONFIRMATION_NEEDED])
    run_id = answer["result"].get("run_id")
    if wait and run_id is not None:
        raise typer.Exit(_follow(state, answer, run_id))
    state.output.result("command", _public(answer), _as_text(answer))


def _public(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in ("kind", "hint")}


def _as_text(answer: dict[str, Any]) -> str:
    result = answer["result"]
    if "queued_position" not in result:
        return str(answer["message"])
    from buildnet_cli.cli.output import show_clock

    ids = ", ".join(build["id"] for build in result["builds"])
    starts = f" · starts about {show_clock(result['estimated_start'])}" if result["estimated_start"] else ""
    return f"{answer['message']}\n{ids} · position {result['queued_position']}{starts}\nfollow: buildnet-notify history"


def _as_question(answer: dict[str, Any]) -> str:
    from datetime import datetime

    from buildnet_cli.duration import format_duration

    result = answer["result"]
    within = datetime.fromisoformat(result["expires_at"]) - datetime.fromisoformat(answer["timestamp"])
    confirm = f'buildnet-notify cmd "{answer["command"]}" --confirm {result["code"]}'
    return f"{answer['message']}\nConfirm within {format_duration(within)}:  {confirm}"


def _fail_if_refused(answer: dict[str, Any]) -> None:
    if answer.get("kind"):
        error = BuildNetError(answer["message"], hint=answer.get("hint", ""))
        error.kind = Kind(answer["kind"])
        raise error


def _follow(state: AppContext, answer: dict[str, Any], run_id: str) -> int:
    """Say how each build of a run ends, as it ends; the exit code."""
    state.output.say(answer["message"])
    told: set[str] = set()
    begun: set[str] = set()
    while True:
        builds = state.agent.get("/api/builds", run=run_id, limit=500)["items"]
        for build in reversed(builds):
            if build["finished_at"] and build["id"] not in told:
                told.add(build["id"])
                state.output.say(describe_build(build))
            elif build["status"] == "running" and build["id"] not in begun:
                begun.add(build["id"])
                state.output.progress(f"{build['package']} is being built …")
        if builds and len(told) == len(builds):
            break
        time.sleep(_POLL_SECS)
    failed = any(build["status"] in ("failed", "cancelled", "skipped") for build in builds)
    state.output.result("command", {**_public(answer), "builds": builds})
    return EXIT_OF[Kind.FAILED] if failed else 0


def describe_build(build: dict[str, Any]) -> str:
    """One build in one or three lines: how it ended, and where and why it failed."""
    from buildnet_cli.cli.output import show_millis

    took = f" in {show_millis(build['duration_ms'])}" if build["duration_ms"] is not None else ""
    line = f"{build['package']} {build['status']}{took}"
    error = build["error"]
    if error is None:
        return line
    if build["status"] == "skipped":
        return f"{line}: {error['headline']}"
    place = f"{error['file']}:{error['line']}" if error["file"] and error["line"] else error["file"] or ""
    parts = [line, f"  {error['headline']}"]
    parts += [f"  {error['suggestion']}"] if error["suggestion"] else ([f"  {place}"] if place else [])
    return "\n".join(parts)
