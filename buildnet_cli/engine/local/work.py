"""The work of one build: run its command, and keep what came of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from buildnet_cli.engine.local import runner
from buildnet_cli.engine.local.cache import BuildCache, Prepared
from buildnet_cli.engine.local.log import BuildLog
from buildnet_cli.engine.model import BuildError, BuildStatus, Tier
from buildnet_cli.engine.port import BuildRecorder
from buildnet_cli.engine.project import Project
from buildnet_cli.engine.queueing.queue import Job
from buildnet_cli.errors import StorageError

LOG_NAME = "output.log"

_log = logging.getLogger(__name__)


class Worker:
    """Carries out builds that nothing could be reused for.

    logs: a folder for `<build id>/output.log`. grace_secs: between the request to end and the kill.
    """

    def __init__(self, recorder: BuildRecorder, cache: BuildCache, *, logs: Path, grace_secs: float) -> None:
        self._recorder = recorder
        self._cache = cache
        self._logs = logs
        self._grace_secs = grace_secs

    async def carry_out(
        self, job: Job, prepared: Prepared, project: Project, environment: Mapping[str, str], stop: runner.Stop
    ) -> tuple[runner.Result, str]:
        """How it ended, and why its result is not cached; empty if it is, or if there is none."""
        if stop.is_asked:
            return runner.Result(BuildStatus.CANCELLED, stop.reason), ""
        try:
            result = await self._run(job, prepared, project, environment, stop)
            if result.status is not BuildStatus.COMPLETED:
                return result, ""
            return result, await self._cache.keep(
                prepared, job.package, project, environment, build_id=job.id, is_stopped=lambda: stop.is_asked
            )
        except Exception as exc:  # noqa: BLE001  (the top of a build's task: a mistake of ours must not leave it running for ever)
            _log.exception("a build could not be carried out", extra={"build": job.id})
            error = BuildError(f"The engine failed: {exc}", suggestion="buildnet-notify agent logs")
            return runner.Result(BuildStatus.FAILED, "exit", error=error), ""

    async def _run(
        self, job: Job, prepared: Prepared, project: Project, environment: Mapping[str, str], stop: runner.Stop
    ) -> runner.Result:
        package = job.package
        if prepared.tier is Tier.MICRO_INCREMENTAL and package.micro_cmd:
            package = replace(package, build_cmd=package.micro_cmd)
        if job.build.is_forced and package.clean_cmd:
            package = replace(package, build_cmd=f"(\n{package.clean_cmd}\n) || exit\n{package.build_cmd}")
        return await runner.run(
            package,
            BuildLog(self._logs / job.id / LOG_NAME),
            root=project.root,
            environment=environment,
            limit=project.timeout_of(package),
            stop=stop,
            grace_secs=self._grace_secs,
            on_start=lambda processes: self._note_processes(job.id, processes),
        )

    async def _note_processes(self, build_id: str, processes: str) -> None:
        """Write down where a build runs, so that the next agent can end what this one leaves if it is killed."""
        try:
            await self._recorder.note_processes(build_id, processes)
        except StorageError as exc:
            _log.error("the processes of a build cannot be stored", extra={"build": build_id, "reason": exc.message})
