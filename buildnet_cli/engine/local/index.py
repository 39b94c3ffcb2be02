"""What the cache asks of the layer that stores its records."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from buildnet_cli.engine.local.artifacts import Artifact
from buildnet_cli.events.model import EventDraft


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known of a package from its last success. The texts are read by whoever needs them; they can be long.

    key: of that success; empty if there was none. parts: as `key.Parts.as_text` writes them. outputs: the record of its output
    folders, as JSON; empty if there is none. digests: the memo of its files, as JSON.
    dependencies: the keys under which the packages that it depends on last succeeded, by name.
    """

    key: str = ""
    parts: str = ""
    outputs: str = ""
    digests: str = ""
    dependencies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Holdings:
    """All artifacts together. size: in bytes. oldest_use: when the one was used that has not been used for longest."""

    artifacts: int
    size: int
    oldest_use: datetime | None


class CacheIndex(Protocol):
    """Records of successes and artifacts. Every method raises StorageError if the database refuses."""

    async def recall(self, package: str, dependencies: Sequence[str]) -> Memory: ...

    async def remember(
        self, package: str, memory: Memory, artifacts: Mapping[str, Artifact], events: Sequence[EventDraft] = ()
    ) -> None:
        """Store a success, the artifacts of its output folders under its key, and the events that tell of them."""
        ...

    async def artifacts_of(self, key: str) -> dict[str, str]:
        """The hashes of the artifacts that are kept under a key, by output folder."""
        ...

    async def holdings(self) -> Holdings: ...

    async def artifacts(self) -> list[Artifact]: ...

    async def adopt(self, artifacts: Sequence[Artifact]) -> None:
        """Let the records name exactly these artifacts; what is known of them already stays."""
        ...

    async def touch(self, hashes: Collection[str]) -> None:
        """They are used now."""
        ...

    async def remove(self, hashes: Collection[str], events: Sequence[EventDraft]) -> None:
        """Forget artifacts, with the events that tell of it."""
        ...

    async def is_filling(self) -> bool:
        """Whether somebody was told that the cache fills up, and it has not been well below since."""
        ...

    async def set_filling(self, filling: bool, events: Sequence[EventDraft]) -> None: ...
