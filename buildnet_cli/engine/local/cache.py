"""The cache: whether a package has to be built at all, and what is kept of a build for the next time.

A result may be used again if everything that it depends on is as it was, see `key.Parts`. Whatever goes wrong here costs time,
never a build: then the package is simply built.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from buildnet_cli.engine.local import outputs
from buildnet_cli.engine.local.explain import difference, why
from buildnet_cli.engine.local.hashing import Memo
from buildnet_cli.engine.local.index import CacheIndex, Memory
from buildnet_cli.engine.local.inputs import Gathered, gather, why_never_cached
from buildnet_cli.engine.local.key import Parts, read_parts
from buildnet_cli.engine.local.stock import Stock
from buildnet_cli.engine.local.tier import Choice, Outputs, Success, choose
from buildnet_cli.engine.local.toolchain import Toolchain
from buildnet_cli.engine.model import Tier, Why
from buildnet_cli.engine.project import Package, Project
from buildnet_cli.errors import StorageError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was found out about a package before its build. parts: None if its result can be kept under no key."""

    tier: Tier
    why: Why
    key: str = ""
    parts: Parts | None = None
    memo: Memo = field(default_factory=dict)

    @property
    def is_hit(self) -> bool:
        """Whether the outputs are in place already, and nothing has to run."""
        return self.tier in (Tier.INSTANT_SKIP, Tier.CACHE_RESTORE)


@dataclass(frozen=True, slots=True)
class _Survey:
    """What the disk says now, beside what was remembered. strayed: the output that is not as it was; empty if all are."""

    parts: Parts
    key: str
    memo: Memo
    is_memo_new: bool
    last: Success | None
    outputs: Outputs
    strayed: str


class BuildCache:
    """Decides before each build, and remembers after it. stock: the artifacts; the same index belongs to both."""

    def __init__(self, stock: Stock, index: CacheIndex) -> None:
        self.stock = stock
        self._index = index
        self._toolchain = Toolchain()

    async def open(self) -> None:
        """Look at what is there, before the first build."""
        try:
            await self.stock.open()
        except (OSError, StorageError) as exc:
            _log.warning("the cache could not be looked through: %s", exc)

    async def prepare(
        self,
        package: Package,
        project: Project,
        environment: Mapping[str, str],
        is_stopped: Callable[[], bool],
        *,
        is_forced: bool = False,
    ) -> Prepared:
        """Find out how much work a package needs; if its outputs can be had without any, they are in place on return.

        is_forced: whether it is to be built, whatever is found out; its result is kept all the same.
        """
        never = why_never_cached(package)
        if never:
            return Prepared(Tier.FULL_BUILD, Why("it is built every time", remark=never))
        try:
            return await self._prepare(package, project, environment, is_stopped, is_forced=is_forced)
        except (OSError, ValueError, StorageError) as exc:
            reason = str(exc)
        except Exception as exc:  # noqa: BLE001  (a mistake of ours, or in a row, must not keep anybody from building)
            _log.exception("the cache failed", extra={"package": package.name})
            reason = f"the cache failed: {exc}"
        return Prepared(Tier.FULL_BUILD, Why("it cannot be said what has changed", remark=reason))

    async def keep(
        self,
        prepared: Prepared,
        package: Package,
        project: Project,
        environment: Mapping[str, str],
        *,
        build_id: str,
        is_stopped: Callable[[], bool],
    ) -> str:
        """Remember a build that succeeded, and its outputs; why they are not kept, empty if they are."""
        try:
            if prepared.parts is None:
                # No key means this result; with the build's id in its place, whatever depends on it is built, too.
                await self._index.remember(package.name, Memory(key=build_id), {})
                return ""
            changed = await self._changed_since(prepared.parts, package, project, environment, prepared.memo)
            if changed:
                memory = Memory(key=build_id, parts=prepared.parts.as_text(), digests=json.dumps(prepared.memo))
                await self._index.remember(package.name, memory, {})
                return f"its result is not cached: {changed} while it was built"
            return await self._store(prepared, prepared.parts, package, project, is_stopped)
        except (OSError, ValueError, StorageError) as exc:
            _log.warning("the success of %s could not be remembered: %s", package.name, exc)
            return f"its result is not cached: {exc}"
        except Exception as exc:  # noqa: BLE001  (a mistake of ours must not make a success a failure)
            _log.exception("the cache failed", extra={"package": package.name})
            return f"its result is not cached: the cache failed: {exc}"

    async def _prepare(
        self,
        package: Package,
        project: Project,
        environment: Mapping[str, str],
        is_stopped: Callable[[], bool],
        *,
        is_forced: bool,
    ) -> Prepared:
        memory = await self._index.recall(package.name, package.dependencies)
        found = await asyncio.to_thread(self._survey, package, project, environment, memory)
        if not found.parts.inputs and (package.sources or package.inputs or not package.dependencies):
            # A glob with a mistake in it must not look like sources that never change.
            return Prepared(Tier.FULL_BUILD, Why("it is built every time", remark="its sources match no file"))
        unknown = [name for name in package.dependencies if name not in memory.dependencies]
        if unknown:
            return Prepared(Tier.FULL_BUILD, Why(f"nothing is known of {unknown[0]}, which it depends on"))
        if is_forced:
            return Prepared(Tier.FULL_BUILD, Why("it was asked for with --force"), found.key, found.parts, found.memo)
        choice = choose(found.parts, found.key, found.last, found.outputs, has_artifacts=False)
        if choice.tier is Tier.INSTANT_SKIP:
            if found.is_memo_new:
                await self._index.remember(package.name, replace(memory, digests=json.dumps(found.memo)), {})
            return Prepared(choice.tier, _why(choice, found), found.key, found.parts, found.memo)
        flaw = outputs.why_not_kept(package, project)
        hashes = {} if flaw else await self.stock.find(found.key, package.outputs)
        remark = f"its result is not cached: {flaw}" if flaw else ""
        if hashes:
            remark = await self.stock.restore(package, hashes, project.root, is_stopped)
            if not remark:
                choice = choose(found.parts, found.key, found.last, found.outputs, has_artifacts=True)
                record = await asyncio.to_thread(outputs.record, project.root, package.outputs, is_stopped)
                await self._index.remember(package.name, _memory(found.key, found.parts, found.memo, record), {})
        return Prepared(choice.tier, _why(choice, found, remark), found.key, found.parts, found.memo)

    async def _changed_since(
        self, before: Parts, package: Package, project: Project, environment: Mapping[str, str], memo: Memo
    ) -> str:
        """What has changed since a build began, in words: its result is not that of what was there before. Empty if nothing."""
        memory = await self._index.recall(package.name, package.dependencies)
        now = await asyncio.to_thread(self._gather, package, project, environment, memo, memory.dependencies)
        return why("something changed", difference(before, now.parts)).summary if now.parts.key != before.key else ""

    async def _store(
        self, prepared: Prepared, parts: Parts, package: Package, project: Project, is_stopped: Callable[[], bool]
    ) -> str:
        root = project.root
        record = await asyncio.to_thread(outputs.record, root, package.outputs, is_stopped)
        memory = _memory(prepared.key, parts, prepared.memo, record)
        if record is None:
            await self._index.remember(package.name, memory, {})
            gone = outputs.missing(root, package.outputs)
            return f"its result is not cached: {gone} is no folder after the build" if gone else ""
        kept = () if outputs.why_not_kept(package, project) else package.outputs
        return await self.stock.store(package, memory, root, kept, is_stopped)

    def _gather(
        self,
        package: Package,
        project: Project,
        environment: Mapping[str, str],
        memo: Memo,
        dependencies: Mapping[str, str],
    ) -> Gathered:
        return gather(
            package,
            project,
            memo=memo,
            dependencies=dependencies,
            environment=environment,
            toolchain=self._toolchain,
            now_ns=time.time_ns(),
        )

    def _survey(self, package: Package, project: Project, environment: Mapping[str, str], memory: Memory) -> _Survey:
        memo: Memo = json.loads(memory.digests) if memory.digests else {}
        gathered = self._gather(package, project, environment, memo, memory.dependencies)
        key = gathered.parts.key
        last = Success(memory.key, read_parts(memory.parts)) if memory.parts else None
        state, strayed = _state_of_outputs(package, project, memory, is_key_same=memory.key == key)
        is_memo_new = len(gathered.memo) != len(memo) or any(memo.get(path) is not known for path, known in gathered.memo.items())
        return _Survey(gathered.parts, key, gathered.memo, is_memo_new, last, state, strayed)


def _memory(key: str, parts: Parts, memo: Memo, record: outputs.Record | None) -> Memory:
    recorded = json.dumps(record) if record is not None else ""
    return Memory(key=key, parts=parts.as_text(), outputs=recorded, digests=json.dumps(memo))


def _state_of_outputs(package: Package, project: Project, memory: Memory, *, is_key_same: bool) -> tuple[Outputs, str]:
    gone = outputs.missing(project.root, package.outputs)
    if gone:
        return Outputs.MISSING, gone
    if not memory.outputs or not is_key_same:
        return Outputs.CHANGED, ""
    strayed = outputs.first_difference(project.root, package.outputs, json.loads(memory.outputs))
    return (Outputs.CHANGED if strayed else Outputs.AS_RECORDED), strayed


def _why(choice: Choice, found: _Survey, remark: str = "") -> Why:
    if choice.tier is Tier.INSTANT_SKIP:
        return why("nothing has changed since its last success")
    if found.last is None:
        summary = "its result was in the cache" if choice.tier is Tier.CACHE_RESTORE else "it has not succeeded before"
        return why(summary, remark=remark)
    strayed = "is missing" if found.outputs is Outputs.MISSING else "is not as it was built"
    output = f"{found.strayed} {strayed}" if found.strayed else ""
    return why("its sources changed during its last build", choice.difference, output=output, remark=remark)
