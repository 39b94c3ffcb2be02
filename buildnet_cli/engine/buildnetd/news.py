"""Which of the daemon's builds are news: those of others, once when they begin and once when they end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from buildnet_cli.engine.buildnetd.answers import Heard, Row
from buildnet_cli.engine.buildnetd.failure import read_failure
from buildnet_cli.engine.model import Build, BuildStatus
from buildnet_cli.engine.project import Package
from buildnet_cli.engine.queueing import announce
from buildnet_cli.events.model import EventDraft

UNKNOWN_REQUESTER = "buildnetd"


class Others:
    """What is known of the daemon's rows: which are ours, which were told, and who asked for them.

    The first rows that are read are the past: none of them is news, except that one of them ends later.
    """

    def __init__(self) -> None:
        self._known: dict[str, bool] | None = None  # by id: whether it was running when last seen
        self._ours: set[str] = set()
        self._asked: set[str] = set()
        self._settled = 0
        self._owed: dict[str, int] = {}  # by package: which settlement
        self._requesters: dict[str, str] = {}

    def hear(self, heard: Heard) -> None:
        """Remember who has a package built; the rows do not say."""
        if heard.type == "build_start" and heard.source and not heard.is_ours:
            for package in (heard.package, *heard.packages):
                self._requesters[package] = f"{UNKNOWN_REQUESTER}:{heard.source}"

    def ask(self, package: str) -> None:
        """We have it built from now on: a new row of it may be ours."""
        self._asked.add(package)

    def settle(self, package: str, *, has_row: bool) -> None:
        """Our request is over. has_row: whether a row was written for it: for real builds alone, not for skipped ones."""
        self._asked.discard(package)
        self._settled += 1
        if has_row:
            self._owed[package] = self._settled

    def mark(self) -> int:
        """To be taken before the rows are asked for: what is settled later may not be among them yet."""
        return self._settled

    def read(self, rows: Sequence[Row], mark: int) -> list[Row]:
        """The news among the daemon's rows (newest first), oldest first: each with its present state."""
        if self._known is None:
            self._known = {row.id: row.is_running for row in rows}
            return []
        for row in rows:  # the newest that is new is the one we had built
            if row.package in self._owed and row.id not in self._known:
                del self._owed[row.package]
                self._ours.add(row.id)
        self._owed = {package: number for package, number in self._owed.items() if number > mark}
        seen = {row.id for row in rows}
        self._ours &= seen
        before, self._known = self._known, {id_: state for id_, state in self._known.items() if id_ in seen}
        news = []
        for row in reversed(rows):
            if row.id in self._ours or (row.package in self._asked and row.id not in before):
                continue
            if row.id not in before or (before[row.id] and not row.is_running):
                news.append(row)
            self._known[row.id] = row.is_running
        return news

    def requester_of(self, row: Row) -> str:
        """Who asked for a build, as far as the daemon says: `buildnetd:curl`, or `buildnetd`."""
        return self._requesters.get(row.package, UNKNOWN_REQUESTER)


def as_build(row: Row, package: Package | None, *, requested_by: str, root: Path) -> Build:
    """Our row of somebody else's build. The same daemon's row always gives the same id. root: the project."""
    name = "".join(char for char in row.id.lower() if char.isalnum())
    build = Build(
        id=f"build_{name}",
        run_id=f"run_{name}",
        package=row.package,
        status=BuildStatus.RUNNING,
        requested_by=requested_by,
        queued_at=row.started_at,
        started_at=row.started_at,
    )
    if row.is_running:
        return build
    build = replace(build, finished_at=row.completed_at or row.started_at)
    if row.status != "failed":
        return replace(build, status=BuildStatus.COMPLETED, exit_code=0)
    failure = read_failure(row.error or "", root=root, folder=package.path if package is not None else ".")
    return replace(build, status=BuildStatus.FAILED, reason=failure.reason, exit_code=failure.exit_code, error=failure.error)


def announced(build: Build, *, median_secs: float | None) -> EventDraft:
    """The event of somebody else's build. Told twice, it is one event."""
    if build.status is BuildStatus.RUNNING:
        event = announce.started(build)
    elif build.status is BuildStatus.FAILED:
        event = announce.failed(build, median_secs=median_secs, skipped=())
    else:
        event = announce.completed(build, median_secs=median_secs)
    return replace(event, id=f"{build.id}.{build.status}")
