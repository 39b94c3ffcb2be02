"""The one door through which the configuration is changed: checked before it is written, replaced at once, kept by version."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from buildnet_cli.clock import Clock, SystemClock
from buildnet_cli.config.history import History, Version
from buildnet_cli.config.interpolate import Lookup
from buildnet_cli.config.loader import Loaded, load_text
from buildnet_cli.config.origin import KeyPath, parse_key
from buildnet_cli.config.protected import refuse_protected
from buildnet_cli.config.rewrite import plain_values, read_value, with_patch, with_value
from buildnet_cli.config.source import Source, read_source
from buildnet_cli.errors import ConflictError, StorageError

_LOCALLY: Final = "on that machine: buildnet-notify config set KEY VALUE"


@dataclass(frozen=True)
class Change:
    """An edit that has been made. version: the kept text of the file as it is now."""

    before: str
    after: str
    loaded: Loaded
    version: Version


class Editor:
    """Changes one configuration file.

    lookup: as for `loader.load`. history: where versions are kept.
    is_remote: whether somebody changes it from afar; protected keys raise DeniedError then.
    """

    def __init__(
        self,
        path: Path,
        history: History,
        lookup: Lookup,
        *,
        environ: Mapping[str, str] = os.environ,
        clock: Clock | None = None,
        is_remote: bool = False,
    ) -> None:
        self._path = path
        self._history = history
        self._lookup = lookup
        self._environ = environ
        self._clock = clock if clock is not None else SystemClock()
        self._is_remote = is_remote

    def set_value(self, key: str, text: str) -> Change:
        """Set one key to a value written as YAML; what cannot be YAML is text. `***` leaves a value as it is.

        Raises UsageError for a key that cannot be read, InvalidConfigError if the result would not load.
        """
        path, value = parse_key(key), read_value(text)
        with self._locked():
            source = self._read()
            return self._write(source, with_value(_text(source), path, value, str(self._path)))

    def try_value(self, key: str, text: str) -> Loaded:
        """What `set_value` would come to, with nothing written. Raises as it does."""
        source = self._read()
        return self._checked(source, with_value(_text(source), parse_key(key), read_value(text), str(self._path)))

    def set_values(self, values: Mapping[KeyPath, str]) -> Change:
        """Set several keys to texts, in one change."""
        with self._locked():
            source = self._read()
            text = _text(source)
            for path, value in values.items():
                text = with_value(text, path, value, str(self._path))
            return self._write(source, text)

    def merge(self, patch: Mapping[str, Any]) -> Change:
        """Apply a JSON merge patch: null removes a key, lists are replaced, `***` leaves a value as it is. Source: RFC 7386.

        Raises UsageError if a `***` stands for nothing, InvalidConfigError if the result would not load.
        """
        with self._locked():
            source = self._read()
            return self._write(source, with_patch(_text(source), patch, str(self._path)))

    def replace(self, text: str) -> Change:
        """Put a whole new text in place. Raises InvalidConfigError if it does not load."""
        with self._locked():
            return self._write(self._read(), text)

    def rollback(self, number: int) -> Change:
        """Put a kept version back, as the newest one.

        Raises NotFoundError if it is not kept, InvalidConfigError if it no longer loads.
        """
        return self.replace(self._history.version(number).text())

    def _read(self) -> Source | None:
        return read_source(self._path) if self._path.exists() else None

    def _write(self, source: Source | None, text: str) -> Change:
        loaded = self._checked(source, text)
        before, now = _text(source), self._clock.now()
        if source is not None:
            self._history.keep(before, now)  # it may have been edited by hand since
            if read_source(self._path).text != before:
                raise ConflictError("the file was changed by somebody else meanwhile", where=str(self._path), hint="try again")
        version = self._history.keep(text, now)
        _replace_file(self._path.resolve(), text, source.mode if source is not None else 0o600)
        return Change(before, text, loaded, version)

    def _checked(self, source: Source | None, text: str) -> Loaded:
        """The text as it would be loaded. Raises DeniedError before anything is said of a protected value."""
        if not self._is_remote:
            return self._load(text)
        before = self._load(_text(source))
        was, wanted = plain_values(before.text, str(self._path)), plain_values(text, str(self._path))
        refuse_protected(was, wanted, before.secrets, hint=_LOCALLY)
        loaded = self._load(text)
        refuse_protected(was, wanted, loaded.secrets, hint=_LOCALLY)
        return loaded

    def _load(self, text: str) -> Loaded:
        return load_text(text, str(self._path), self._lookup, environ=self._environ)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One editor at a time. The folder is locked, because the file itself is replaced."""
        folder = self._path.resolve().parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as exc:
            raise _refused(folder, exc) from exc
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _text(source: Source | None) -> str:
    return source.text if source is not None else ""


def _replace_file(path: Path, text: str, mode: int) -> None:
    """Write beside the file and rename over it, so that every reader finds the old text or the new one. Raises StorageError."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(handle, mode)
                file.write(text.encode())
                file.flush()
                os.fsync(handle)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as exc:
        raise _refused(path, exc) from exc


def _refused(path: Path, exc: OSError) -> StorageError:
    reason = (exc.strerror or "refused").lower()
    return StorageError(
        f"the configuration cannot be written: {reason}", where=str(path), hint="check owner, mode and free space"
    )
