"""Keeps the last versions of the configuration beside the state, so that any edit can be looked at and taken back."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from buildnet_cli.config.problems import masked_line, visible
from buildnet_cli.errors import NotFoundError, StorageError

MOST_VERSIONS = 20

_NAME = re.compile(r"(?P<number>[0-9]{4,9})-(?P<saved_at>[0-9]{8}T[0-9]{6}Z)\.yaml")
_TIME = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Version:
    """One kept text. number: grows with every version, and is never given twice."""

    number: int
    saved_at: datetime
    path: Path

    def text(self) -> str:
        """What the file said. Raises NotFoundError if the version has been removed since."""
        try:
            return self.path.read_bytes().decode("utf-8")
        except FileNotFoundError as exc:
            raise _unknown(self.number) from exc


class History:
    """The versions in one folder, `<state>/config-history/NNNN-<time>.yaml`, readable by their owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_state(cls, state: Path) -> History:
        return cls(state / "config-history")

    def versions(self) -> list[Version]:
        """Newest first."""
        try:
            names = [entry.name for entry in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        found = [match for name in names if (match := _NAME.fullmatch(name)) is not None]
        versions = [
            Version(
                int(match["number"]), datetime.strptime(match["saved_at"], _TIME).replace(tzinfo=UTC), self._folder / match[0]
            )
            for match in found
        ]
        return sorted(versions, key=lambda version: version.number, reverse=True)

    def version(self, number: int) -> Version:
        """Raises NotFoundError, which names the versions there are."""
        known = self.versions()
        for version in known:
            if version.number == number:
                return version
        raise _unknown(number, known)

    def keep(self, text: str, now: datetime) -> Version:
        """Store a text as the newest version, unless it already is, and drop the oldest ones beyond 20.

        Raises StorageError if the disk refuses.
        """
        known = self.versions()
        if known and known[0].text() == text:
            return known[0]
        number = known[0].number + 1 if known else 1
        path = self._folder / f"{number:04d}-{now.astimezone(UTC).strftime(_TIME)}.yaml"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(handle)
            for old in known[MOST_VERSIONS - 1 :]:
                old.path.unlink(missing_ok=True)
        except OSError as exc:
            reason = (exc.strerror or "refused").lower()
            raise StorageError(f"the version before the change cannot be kept: {reason}", where=str(path)) from exc
        return Version(number, now, path)

    def forget(self, kept: Version) -> None:
        """Remove every version but this one, because they hold what must not be kept. Raises StorageError."""
        try:
            for version in self.versions():
                if version.number != kept.number:
                    version.path.unlink(missing_ok=True)
        except OSError as exc:
            reason = (exc.strerror or "refused").lower()
            raise StorageError(f"the versions before the change cannot be removed: {reason}", where=str(self._folder)) from exc


def diff(before: str, after: str, *, before_name: str = "before", after_name: str = "after") -> str:
    """What changed, as a unified diff with secrets masked; empty if nothing did."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), fromfile=before_name, tofile=after_name, lineterm="", n=2
    )
    return "".join(f"{visible(masked_line(line))}\n" for line in lines)


def _unknown(number: int, known: list[Version] | None = None) -> NotFoundError:
    kept = f"; kept are {known[-1].number} to {known[0].number}" if known else ""
    return NotFoundError(f"there is no version {number}{kept}", hint="buildnet-notify config history")
