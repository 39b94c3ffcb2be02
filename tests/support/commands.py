"""An executor with everything around it in memory: its rows, one package, and real confirmations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from buildnet_cli.commands.audit import Anchor, Request
from buildnet_cli.commands.confirm import Confirmations, OnLocked, Policy
from buildnet_cli.commands.executor import Executor
from buildnet_cli.commands.model import Principal
from buildnet_cli.commands.rates import CommandRates
from buildnet_cli.config.permission import CONFIRMED
from buildnet_cli.config.remote_control import InboundRateLimit
from buildnet_cli.delivery.model import Address
from buildnet_cli.engine.model import Build, BuildStatus, CacheStats, EngineStatus, Ticket
from buildnet_cli.errors import ConflictError, DeniedError, NotFoundError, StorageError, UnsupportedError, UsageError
from buildnet_cli.store.confirmations import StoredConfirmations
from tests.support.clocks import FakeClock
from tests.support.stores import MemoryStore

NOW = datetime(2024, 1, 26, 12, 0, tzinfo=UTC)
ADMIN = Principal("local", "socket", "uid 0", ("*",))
POLICY = Policy(frozenset(CONFIRMED), timedelta(minutes=5), 6)


class FixedSeals:
    """Seals with a key that everybody knows; the anchor in memory."""

    def __init__(self) -> None:
        self.anchor: Anchor | None = None

    def key(self) -> bytes:
        return b"k" * 32

    def put_anchor(self, anchor: Anchor) -> None:
        self.anchor = anchor

    def read_anchor(self) -> Anchor | None:
        return self.anchor


class Rows:
    """A command log that remembers the order of things."""

    def __init__(self, journal: list[str], *, fails: bool = False) -> None:
        self.journal = journal
        self.fails = fails
        self.fails_at_end = False
        self.rows: dict[str, dict[str, Any]] = {}
        self.seen: set[str] = set()

    async def begin(self, request: Request, principal: str, message_id: str = "") -> bool:
        if self.fails:
            raise StorageError("the disk is full")
        if message_id in self.seen:
            return False
        self.seen |= {message_id} - {""}
        self.journal.append("begin")
        self.rows[request.request_id] = {**asdict(request), "principal": principal, "status": "executing"}
        return True

    async def finish(
        self, request_id: str, *, command: str, status: str, result: Mapping[str, Any], message: str, finished_at: datetime
    ) -> None:
        if self.fails_at_end:
            raise StorageError("the disk is full")
        self.journal.append("finish")
        self.rows[request_id].update(command=command, status=status, result=dict(result), message=message)

    async def leave_open(self, request_id: str, *, command: str, reply_to: Address | None) -> None:
        self.journal.append("left open")
        self.rows[request_id].update(command=command, reply_to=reply_to)


class Engine:
    """An engine with one package."""

    def __init__(self, journal: list[str]) -> None:
        self.journal = journal

    async def start(self) -> None: ...

    async def enqueue(self, package: str | None, *, requested_by: str, is_forced: bool = False) -> Ticket:
        self.journal.append(f"enqueue {package} for {requested_by}" + (", forced" if is_forced else ""))
        if package not in (None, "api"):
            raise NotFoundError(f"there is no package {package!r}", hint='did you mean "api"?')
        build = Build("build_1", "run_1", "api", BuildStatus.QUEUED, requested_by, NOW)
        return Ticket("run_1", package, (build,), 1, None)

    async def cancel(self, target: str, *, requested_by: str) -> list[Build]:
        if target == "boom":
            raise RuntimeError("a bug")
        raise ConflictError("that build is finished")

    async def pause(self) -> int:
        self.journal.append("paused")
        return 0

    async def resume(self) -> int:
        self.journal.append("resumed")
        return 0

    async def status(self) -> EngineStatus:
        return EngineStatus("local", "running", ("api",), (), ())

    async def cache_stats(self) -> CacheStats:
        return CacheStats(1204, 4_404_019, 5 << 30)

    async def cache_clear(self) -> CacheStats:
        self.journal.append("cache cleared")
        return CacheStats(1204, 4_404_019, 5 << 30)

    async def shutdown(self) -> None: ...


class Answers:
    """Remembers who waits for what."""

    def __init__(self) -> None:
        self.expected: list[tuple[str, str, Address]] = []

    async def expect(self, request_id: str, run_id: str, build_id: str, to: Address) -> None:
        self.expected.append((run_id, build_id, to))


class Settings:
    """A configuration of one value."""

    def __init__(self, journal: list[str]) -> None:
        self.journal = journal
        self.held: dict[str, Any] = {"batch_max": 50}

    def value(self, key: str) -> Any:
        if key and key not in self.held:
            raise UsageError(f"there is no key {key}")
        return self.held[key] if key else self.held

    async def would_set(self, key: str, text: str, *, is_remote: bool) -> Mapping[str, Any]:
        if is_remote and key == "remote_control":
            raise DeniedError("remote_control can be changed from the local terminal only")
        return {"key": key, "before": self.value(key), "after": text}

    async def set(self, key: str, text: str, *, is_remote: bool) -> Mapping[str, Any]:
        told = await self.would_set(key, text, is_remote=is_remote)
        self.journal.append(f"set {key} to {text}")
        self.held[key] = text
        return {**told, "version": 1}


class Lifecycle:
    """Writes down that it was told to end. can_restart: whether what would be stopped can be started again."""

    def __init__(self, journal: list[str]) -> None:
        self.journal = journal
        self.can_restart = True
        self.running = 0

    async def prospect(self) -> str:
        return f"{self.running} builds end with it" if self.running else ""

    def check_restart(self) -> None:
        if not self.can_restart:
            raise UnsupportedError("engine.start_command is not set")

    def stop(self) -> None:
        self.journal.append("stop")

    def restart(self) -> None:
        self.journal.append("restart")


class Builds:
    async def recent(self, *, limit: int) -> list[Build]:
        return []


def executor(
    journal: list[str],
    *,
    fails: bool = False,
    policy: Policy = POLICY,
    clock: FakeClock | None = None,
    store: Any = None,
    on_locked: OnLocked | None = None,
    lifecycle: Lifecycle | None = None,
    limits: InboundRateLimit | None = None,
) -> tuple[Executor, Rows]:
    """An executor, and the rows it writes. store: where confirmations are kept; in memory if it is None."""
    clock = clock or FakeClock(NOW)
    rows = Rows(journal, fails=fails)

    async def status() -> dict[str, Any]:
        return {
            "state": "running",
            "engine": {"state": "running"},
            "queue": {"running": [], "waiting": 0},
            "deliveries": {"pending": 0, "dead": 0},
        }

    confirmations = Confirmations(StoredConfirmations(store or MemoryStore()), clock, policy, on_locked)
    made = Executor(
        log=rows,
        clock=clock,
        confirmations=confirmations,
        engine=Engine(journal),
        builds=Builds(),
        answers=Answers(),
        status=status,
        settings=Settings(journal),
        lifecycle=lifecycle or Lifecycle(journal),
        rates=CommandRates(limits or InboundRateLimit()),
    )
    return made, rows
