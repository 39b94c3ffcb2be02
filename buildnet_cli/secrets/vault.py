"""The one door to secrets: the OS keyring where there is a usable one, else the encrypted file.

A value is read from the store it was last written to, never from another: the secret file lists every name with its store.
So a keyring that comes or goes cannot bring an old value back. Both stores belong to the user, not to one project.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from buildnet_cli import redact
from buildnet_cli.clock import Clock, SystemClock
from buildnet_cli.errors import BuildNetError, ConfigError, NotFoundError, UsageError
from buildnet_cli.paths import APP
from buildnet_cli.secrets.file_store import FileStore
from buildnet_cli.secrets.ledger import Store
from buildnet_cli.secrets.os_keyring import KeyringStuckError, KeyringUnavailableError, check_choice, open_keyring

FOLDER_VARIABLE = "BUILDNET_SECRETS_DIR"
LONGEST_NAME = 128
MAX_VALUE = 65_536
"""Bytes of a value in UTF-8."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

T = TypeVar("T")


class Keyring(Protocol):
    """What the vault asks of the OS keyring; `os_keyring.OsKeyring` has it."""

    @property
    def label(self) -> str: ...
    def get(self, name: str) -> str | None: ...
    def set(self, name: str, value: str) -> None: ...
    def delete(self, name: str) -> None: ...


@dataclass(frozen=True)
class SecretInfo:
    """What may be shown of a secret."""

    name: str
    store: Store
    set_at: datetime


def open_vault(environ: Mapping[str, str] = os.environ) -> Vault:
    """The user's secrets.

    environ: BUILDNET_SECRETS_DIR moves the file away from the user's data folder; PYTHON_KEYRING_BACKEND names a keyring.
    Opening touches neither a file nor D-Bus. Raises ConfigError if the environment names a plaintext keyring.
    """
    check_choice(environ)
    return Vault(FileStore(secrets_folder(environ), environ), lambda: open_keyring(environ))


def secrets_folder(environ: Mapping[str, str]) -> Path:
    """Where the secret file lies: BUILDNET_SECRETS_DIR, else the user's data folder."""
    given = environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given).absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir(APP))


class Vault:
    """Values by name. Every value that passes through is registered with `redact`.

    open_keyring: called at most once, when the keyring is first needed, so that D-Bus is met after the agent's fork.
    A call may block for a few seconds (the keyring's limit); on an event loop, call it in a thread.
    Every method raises ConfigError if the file is damaged or open to others, StorageError if the disk refuses.
    """

    def __init__(self, file: FileStore, open_keyring: Callable[[], Keyring], clock: Clock | None = None) -> None:
        self._file = file
        self._open_keyring = open_keyring
        self._clock = clock or SystemClock()
        self._keyring: Keyring | None = None
        self._gone = ""

    @property
    def description(self) -> str:
        """Where a new value would go and why, for `doctor`."""
        try:
            return f"OS keyring ({self._with_keyring(lambda keyring: keyring.label)})"
        except KeyringUnavailableError as exc:
            return f"encrypted file {self._file.path}, key from {self._file.key_label}; the OS keyring is not used: {exc}"

    def get(self, name: str) -> str | None:
        """The value; None if there is none. Raises ConfigError if it lies in a keyring that cannot be read now."""
        entry = self._file.entries().get(name)
        if entry is None:
            return None
        value = self._file.read(name) if entry.store is Store.FILE else self._read_keyring(name)
        if value is not None:
            redact.register(value)
        return value

    def set(self, name: str, value: str) -> SecretInfo:
        """Keep a value, and say where: in the keyring, or in the file when there is no usable keyring.

        Raises UsageError if the name or the value cannot be one.
        """
        check_name(name)
        check_value(value)
        redact.register(value)
        set_at = self._clock.now()
        try:
            self._with_keyring(lambda keyring: keyring.set(name, value))
        except KeyringUnavailableError:
            self._file.write(name, value, set_at)
            return SecretInfo(name, Store.FILE, set_at)
        self._file.note_keyring(name, set_at)
        return SecretInfo(name, Store.KEYRING, set_at)

    def delete(self, name: str) -> None:
        """Remove a value from the store that has it.

        Raises NotFoundError if there is none, ConfigError if it lies in a keyring that cannot be reached now.
        """
        entry = self._file.entries().get(name)
        if entry is None:
            raise NotFoundError("there is no secret of this name", hint="buildnet-notify secrets list")
        if entry.store is Store.KEYRING:
            try:
                self._with_keyring(lambda keyring: keyring.delete(name))
            except KeyringUnavailableError as exc:
                raise _unreadable(name, exc) from exc
        self._file.forget(name)

    def names(self) -> list[SecretInfo]:
        """Every secret, by name; no keyring is asked."""
        return [SecretInfo(name, entry.store, entry.set_at) for name, entry in sorted(self._file.entries().items())]

    def check(self) -> list[BuildNetError]:
        """What keeps secrets from being read, one error for each; empty if all is well. Never raises."""
        try:
            known = self.names()
        except BuildNetError as exc:
            return [exc]
        return [problem for info in known if (problem := self.problem_with(info.name)) is not None]

    def problem_with(self, name: str) -> BuildNetError | None:
        """Why this listed secret cannot be read; None if it can."""
        try:
            value = self.get(name)
        except BuildNetError as exc:
            return exc
        if value is not None:
            return None
        return ConfigError(
            f"{name} was stored in the OS keyring, which no longer has it",
            hint=f"set it again: buildnet-notify secrets set {name}",
            where=name,
        )

    def _read_keyring(self, name: str) -> str | None:
        try:
            return self._with_keyring(lambda keyring: keyring.get(name))
        except KeyringUnavailableError as exc:
            raise _unreadable(name, exc) from exc

    def _with_keyring(self, work: Callable[[Keyring], T]) -> T:
        """Ask the keyring, unless it was not there or got stuck before: ten names must not wait ten times."""
        if self._gone:
            raise KeyringUnavailableError(self._gone)
        if self._keyring is None:
            try:
                self._keyring = self._open_keyring()
            except KeyringUnavailableError as exc:
                self._gone = str(exc)
                raise
        try:
            return work(self._keyring)
        except KeyringStuckError as exc:
            self._gone = str(exc)
            raise


def check_name(name: str) -> None:
    """Raises UsageError if this cannot be a secret's name. The text is not repeated: people paste the secret itself here."""
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise UsageError(
            f"this is no name for a secret: letters, digits and _ are, {LONGEST_NAME} at most, and no digit first",
            hint="buildnet-notify secrets set SLACK_BOT_TOKEN",
            where="name",
        )


def check_value(value: str) -> None:
    """Raises UsageError if this cannot be kept as a secret; the message never holds the value."""
    reason = ""
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        reason = "is not UTF-8 text"
    else:
        if not value:
            reason = "is empty"
        elif "\0" in value:
            reason = "holds a NUL byte, which no environment or header can carry"
        elif size > MAX_VALUE:
            reason = f"has {size} bytes; at most {MAX_VALUE} are taken"
    if reason:
        raise UsageError(f"the value {reason}", hint="type it, or send it on standard input as one text", where="value")


def _unreadable(name: str, reason: KeyringUnavailableError) -> ConfigError:
    return ConfigError(
        f"{name} lies in the OS keyring, which cannot be used: {reason}",
        hint=f"unlock the keyring, or set it again for the encrypted file: buildnet-notify secrets set {name}",
        where=name,
    )
