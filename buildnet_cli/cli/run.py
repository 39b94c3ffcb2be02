"""`run`: any command, reported as a build."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from buildnet_cli.cli.app import single_command
from buildnet_cli.cli.context import AppContext
from buildnet_cli.errors import BuildNetError, TimedOutError, UnreachableError, UsageError

if TYPE_CHECKING:
    from buildnet_cli.events.model import EventDraft
    from buildnet_cli.process.passthrough import PassedThrough

_ENDED_ON_REQUEST = (129, 130, 143)  # SIGHUP, SIGINT, SIGTERM

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
    """Run a command and report it as a build. Its output and its exit code are left as they are.

    Nothing of it is left when it ends, nor when this is ended or killed. Every run is in the history, reported or not.
    """
    from buildnet_cli.process.passthrough import environment, run_passthrough

    state: AppContext = ctx.obj
    threshold = _threshold(if_longer)
    report = _Report(state, package or Path(command[0]).name, threshold)
    ended = run_passthrough(command, env=environment(), meanwhile=lambda: report.started(command))
    if not ended.was_run:
        sys.stderr.write(ended.output)
    report.ended(ended)
    raise typer.Exit(ended.exit_code)


def _threshold(text: str | None) -> timedelta | None:
    from buildnet_cli.duration import parse_duration

    try:
        return parse_duration(text) if text is not None else None
    except ValueError as exc:
        raise UsageError(str(exc), where="--if-longer") from exc


class _Report:
    """Tells of one command's run. That the report fails never changes how the command ends.

    threshold: a success that took no longer is not told, though it is recorded; None to tell of all.
    """

    def __init__(self, state: AppContext, package: str, threshold: timedelta | None) -> None:
        from buildnet_cli.clock import SystemClock
        from buildnet_cli.engine.model import Build, BuildStatus, Origin
        from buildnet_cli.ids import new_id
        from buildnet_cli.process.identity import of

        self._state = state
        self._threshold = threshold
        self._clock = SystemClock()
        now = self._clock.now()
        self._build = Build(
            new_id("build"),
            new_id("run"),
            package,
            BuildStatus.RUNNING,
            requested_by="run",
            queued_at=now,
            started_at=now,
            origin=Origin.RUN,
            processes=of(os.getpid()),
        )

    def started(self, command: list[str]) -> None:
        """It runs. Whether a success will be worth a word is not known yet."""
        from dataclasses import replace

        from buildnet_cli.engine.queueing import announce

        draft = replace(announce.started(self._build), message=f"{self._build.package}: {Path(command[0]).name} runs")
        self._hand_in(draft if self._threshold is None else None)

    def ended(self, how: PassedThrough) -> None:
        """It has ended, or could not even be run."""
        from dataclasses import replace

        from buildnet_cli.engine.extract.extract import extract
        from buildnet_cli.engine.model import BuildStatus
        from buildnet_cli.engine.queueing import announce

        code = how.exit_code
        build = replace(self._build, finished_at=self._clock.now(), exit_code=code, processes="")
        if code == 0:
            self._build = replace(build, status=BuildStatus.COMPLETED)
            draft = announce.completed(self._build, median_secs=None)
            took = self._build.duration
            is_worth_it = self._threshold is None or (took is not None and took > self._threshold)
            return self._hand_in(draft if is_worth_it else None)
        if code in _ENDED_ON_REQUEST:
            self._build = replace(build, status=BuildStatus.CANCELLED, reason="cancelled")
            return self._hand_in(announce.cancelled(self._build))
        root = self._state.workspace.root or Path.cwd()
        error = extract(how.output, root=root, cwd=Path.cwd(), exit_code=code)
        self._build = replace(build, status=BuildStatus.FAILED, reason="signal" if code > 128 else "exit", error=error)
        return self._hand_in(announce.failed(self._build, median_secs=None, skipped=()))

    def _hand_in(self, draft: EventDraft | None) -> None:
        """Give the build's state and an event of it to the agent, or keep both on disk for the next one."""
        from buildnet_cli.engine.handover import as_handed

        events = [_as_json(draft)] if draft is not None else []
        try:
            try:
                handed = {"builds": [as_handed(self._build)], "events": events}
                self._state.agent.post("/api/builds", handed, timeout_secs=_PATIENCE_SECS)
            except (UnreachableError, TimedOutError):
                from buildnet_cli.delivery import spool
                from buildnet_cli.paths import prepare_state

                prepare_state(self._state.workspace.state)
                spool.write(self._state.workspace.spool, events, source="run", builds=[self._build])
        except BuildNetError as exc:
            self._state.output.note(f"buildnet-notify: this run could not be reported: {exc.message}")


def _as_json(draft: EventDraft) -> dict[str, object]:
    """An event as it is handed in, with an id: the agent takes a second one of it for the first."""
    from buildnet_cli.clock import to_rfc3339
    from buildnet_cli.ids import new_id

    return {
        "id": new_id("evt"),
        "type": draft.type,
        "message": draft.message,
        "subject": draft.subject,
        "source": "run",
        "timestamp": to_rfc3339(draft.timestamp) if draft.timestamp is not None else None,
        "payload": dict(draft.payload),
    }
