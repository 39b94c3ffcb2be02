"""`run`: any command, reported as a build."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from buildnet_cli.cli.app import single_command
from buildnet_cli.cli.context import AppContext
from buildnet_cli.errors import BuildNetError, UsageError

_PATIENCE_SECS = 1.0
"""How long a hung agent may keep somebody's command waiting."""


@single_command(
    epilog="buildnet-notify run -- make -j4\nbuildnet-notify run --package api --if-longer 60s -- npm test",
    context_settings={"ignore_unknown_options": True},
)
def app(
    ctx: typer.Context,
    command: Annotated[list[str], typer.Argument(metavar="-- CMD…", help="The command and its arguments.")],
    package: Annotated[str | None, typer.Option("--package", "-p", help="What is built; the command's name otherwise.")] = None,
    if_longer: Annotated[
        str | None, typer.Option(metavar="DUR", help="Tell of a success only if it took longer, such as 60s.")
    ] = None,
) -> None:
    """Run a command and report it as a build. Its output and its exit code are left as they are."""
    from buildnet_cli.process.passthrough import run_passthrough

    state: AppContext = ctx.obj
    threshold = _threshold(if_longer)
    report = _Report(state, package or Path(command[0]).name)
    if threshold is None:
        report.started(command)
    ended = run_passthrough(command, env=os.environ)
    if ended.exit_code in (126, 127) and ended.output.startswith(f"{command[0]}: "):
        sys.stderr.write(ended.output)
    report.ended(ended.exit_code, ended.output, threshold)
    raise typer.Exit(ended.exit_code)


def _threshold(text: str | None) -> timedelta | None:
    from buildnet_cli.duration import parse_duration

    try:
        return parse_duration(text) if text is not None else None
    except ValueError as exc:
        raise UsageError(str(exc), where="--if-longer") from exc


class _Report:
    """Tells of one command's run. That the report fails never changes how the command ends."""

    def __init__(self, state: AppContext, package: str) -> None:
        from buildnet_cli.clock import SystemClock
        from buildnet_cli.engine.model import Build, BuildStatus
        from buildnet_cli.ids import new_id

        self._state = state
        self._clock = SystemClock()
        now = self._clock.now()
        self._build = Build(new_id("build"), new_id("run"), package, BuildStatus.RUNNING, "run", queued_at=now, started_at=now)

    def started(self, command: list[str]) -> None:
        self._hand_in("build.started", f"{self._build.package}: {' '.join(command)}"[:500])

    def ended(self, exit_code: int, output: str, threshold: timedelta | None) -> None:
        from dataclasses import replace

        from buildnet_cli.duration import format_duration
        from buildnet_cli.engine.extract.extract import extract
        from buildnet_cli.engine.model import BuildStatus

        self._build = replace(self._build, finished_at=self._clock.now(), exit_code=exit_code, status=BuildStatus.COMPLETED)
        duration = self._build.duration
        assert duration is not None
        if exit_code == 0:
            if threshold is None or duration > threshold:
                self._hand_in("build.completed", f"{self._build.package} finished in {format_duration(duration)}")
            return
        root = self._state.workspace.root or Path.cwd()
        error = extract(output, root=root, cwd=Path.cwd(), exit_code=exit_code)
        self._build = replace(self._build, status=BuildStatus.FAILED, reason="exit", error=error)
        self._hand_in("build.failed", f"{self._build.package} failed ({exit_code}): {error.headline}")

    def _hand_in(self, event_type: str, message: str) -> None:
        from buildnet_cli.cli.emit import deliver

        event = {
            "type": event_type,
            "message": message,
            "subject": self._build.package,
            "source": "run",
            "payload": self._build.as_wire(),
        }
        try:
            deliver(self._state, event, patience_secs=_PATIENCE_SECS)
        except BuildNetError as exc:
            self._state.output.note(f"buildnet-notify: this run could not be reported: {exc.message}")
