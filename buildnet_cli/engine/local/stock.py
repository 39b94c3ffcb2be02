"""The stock of artifacts: files and records together, kept below the limits, and never taken from under a build."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from buildnet_cli.clock import Clock
from buildnet_cli.engine.local import cache_events
from buildnet_cli.engine.local.archive import ArchiveError
from buildnet_cli.engine.local.artifacts import Artifact, ArtifactFolder, Packed
from buildnet_cli.engine.local.eviction import CacheLimits, Eviction, choose, is_filling
from buildnet_cli.engine.local.index import CacheIndex, Memory
from buildnet_cli.engine.model import CacheStats
from buildnet_cli.engine.project import Package
from buildnet_cli.engine.size import format_size

_log = logging.getLogger(__name__)


class Stock:
    """Artifacts of one workspace. limits: may be replaced at any time; the next sweep goes by them."""

    def __init__(self, folder: ArtifactFolder, index: CacheIndex, clock: Clock, limits: CacheLimits) -> None:
        self.limits = limits
        self._folder = folder
        self._index = index
        self._clock = clock
        self._in_use: Counter[str] = Counter()
        # Files and their records change together or not at all, as far as anybody else can see.
        self._changing = asyncio.Lock()

    async def open(self) -> None:
        """Bring records and files in line, whoever changed either; then sweep."""
        async with self._changing:
            present = await asyncio.to_thread(lambda: list(self._folder.present()))
            await self._index.adopt(present)
        await self.sweep()

    async def store(
        self, package: Package, memory: Memory, root: Path, outputs: tuple[str, ...], is_stopped: Callable[[], bool]
    ) -> str:
        """Remember a success and keep its output folders under its key; why they were not kept, if they were not.

        Raises StorageError if nothing was remembered.
        """
        packed: dict[str, Packed] = {}
        kept: dict[str, Artifact] = {}
        events = []
        remark = ""
        try:
            for output in outputs:
                packed[output] = await asyncio.to_thread(
                    self._folder.pack, root / output, package=package.name, now=self._clock.now(), is_stopped=is_stopped
                )
            self._refuse_too_large(packed.values())
            async with self._changing:
                for output, each in packed.items():
                    if await asyncio.to_thread(self._folder.keep, each):
                        events.append(cache_events.created(each.artifact, output))
                    kept[output] = each.artifact
                await self._index.remember(package.name, memory, kept, events)
        except (ArchiveError, OSError) as exc:
            remark = f"its result is not cached: {exc}"
            _log.warning("%s: %s", package.name, remark)
            await self._index.remember(package.name, memory, {})
        finally:
            for each in packed.values():
                await asyncio.to_thread(self._folder.discard, each)
        if kept:
            await self.sweep()
        return remark

    async def find(self, key: str, outputs: tuple[str, ...]) -> dict[str, str]:
        """The hashes of the artifacts under a key by output folder; none at all unless there is one for each."""
        found = await self._index.artifacts_of(key) if outputs else {}
        return found if set(found) == set(outputs) else {}

    async def restore(self, package: Package, hashes: Mapping[str, str], root: Path, is_stopped: Callable[[], bool]) -> str:
        """Put artifacts in the place of the output folders; why that could not be done, empty if it was."""
        with self._using(hashes.values()):
            for output, hash_ in hashes.items():
                try:
                    await asyncio.to_thread(self._folder.put_in_place, hash_, root / output, is_stopped=is_stopped)
                except (ArchiveError, FileNotFoundError) as exc:
                    if is_stopped():
                        return "it was stopped"
                    await self._put_aside(hash_, package.name, str(exc))
                    return "its artifact was damaged"
                except OSError as exc:
                    return f"its artifact could not be unpacked: {exc.strerror or exc}"
            await self._index.touch(set(hashes.values()))
        return ""

    async def sweep(self) -> None:
        """Remove what is too old or too much, and say if the cache fills up. Raises StorageError if that was not stored."""
        async with self._changing:
            now = self._clock.now()
            holdings = await self._index.holdings()
            is_due = holdings.oldest_use is not None and holdings.oldest_use < now - self.limits.unused
            size = holdings.size
            if is_due or size > self.limits.size:
                eviction = choose(await self._index.artifacts(), self.limits, now, self._in_use.keys())
                size -= await self._evict(eviction)
            was = await self._index.is_filling()
            if (filling := is_filling(size, self.limits, was)) != was:
                await self._index.set_filling(filling, [cache_events.threshold(size, self.limits)] if filling else [])

    async def stats(self) -> CacheStats:
        holdings = await self._index.holdings()
        return CacheStats(holdings.artifacts, holdings.size, self.limits.size)

    async def clear(self) -> CacheStats:
        """Remove every artifact that no build is using; what was removed."""
        async with self._changing:
            gone = [artifact for artifact in await self._index.artifacts() if artifact.hash not in self._in_use]
            removed = CacheStats(len(gone), sum(artifact.size for artifact in gone), self.limits.size)
            await self._index.remove({artifact.hash for artifact in gone}, [cache_events.cleared(removed)])
            await asyncio.to_thread(self._remove_files, gone)
        return removed

    def _refuse_too_large(self, packed: Iterable[Packed]) -> None:
        size = sum(each.artifact.size for each in packed)
        if size > self.limits.size:
            raise ArchiveError(f"it takes {format_size(size)}, and all of the cache may take {format_size(self.limits.size)}")

    async def _evict(self, eviction: Eviction) -> int:
        if not eviction.all:
            return 0
        await self._index.remove({artifact.hash for artifact in eviction.all}, [cache_events.evicted(eviction)])
        await asyncio.to_thread(self._remove_files, eviction.all)
        return sum(artifact.size for artifact in eviction.all)

    async def _put_aside(self, hash_: str, package: str, reason: str) -> None:
        async with self._changing:
            await self._index.remove({hash_}, [cache_events.damaged(hash_, package, reason)])
            await asyncio.to_thread(self._folder.quarantine, hash_)

    def _remove_files(self, artifacts: Sequence[Artifact]) -> None:
        for artifact in artifacts:
            try:
                self._folder.remove(artifact.hash)
            except OSError as exc:
                # The next start finds the file and takes it up again.
                _log.warning("an artifact could not be removed: %s", exc, extra={"artifact": artifact.hash})

    @contextmanager
    def _using(self, hashes: Iterable[str]) -> Iterator[None]:
        """They stay as long as the block lasts."""
        held = list(hashes)
        self._in_use.update(held)
        try:
            yield
        finally:
            self._in_use.subtract(held)
            self._in_use = +self._in_use  # drops those that nobody holds any more
