"""The OS keyring, through the keyring library, so that it can neither hang the agent, nor ask anybody, nor store plain text."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeVar

from buildnet_cli.errors import BuildNetError, ConfigError
from buildnet_cli.redact import scrub

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE: Final = "buildnet-notify"
VARIABLE: Final = "PYTHON_KEYRING_BACKEND"
LIMIT_SECS: Final = 3.0

# The ones an operating system brings along. Any other has to be named by the operator.
_SYSTEM = ("keyring.backends.SecretService", "keyring.backends.macOS", "keyring.backends.Windows")
_ABSENT = {
    "keyring.backends.fail": "this machine has none",
    "keyring.backends.null": "it is switched off",
}

T = TypeVar("T")


class KeyringUnavailableError(Exception):
    """The keyring cannot be used now; the text says why, as in "the OS keyring is not used: it is locked"."""


class KeyringStuckError(KeyringUnavailableError):
    """It did not answer in time, and would not the next time either."""


class OsKeyring:
    """Values in the keyring of the logged-in user, under the service `buildnet-notify`. Make one with `open_keyring`.

    Every method raises KeyringUnavailableError, after `limit_secs` at the latest.
    """

    def __init__(self, backend: KeyringBackend, *, limit_secs: float = LIMIT_SECS) -> None:
        self._backend = backend
        self._limit_secs = limit_secs

    @property
    def label(self) -> str:
        return type(self._backend).__module__.removeprefix("keyring.backends.")

    def get(self, name: str) -> str | None:
        return self._ask(lambda: self._backend.get_password(SERVICE, name))

    def set(self, name: str, value: str) -> None:
        def write() -> None:
            self._backend.set_password(SERVICE, name, value)
            if self._backend.get_password(SERVICE, name) != value:
                raise KeyringUnavailableError("it did not keep what was written")

        self._ask(write)

    def delete(self, name: str) -> None:
        """Remove a name; one that is not there is no failure."""

        def remove() -> None:
            if self._backend.get_password(SERVICE, name) is not None:
                self._backend.delete_password(SERVICE, name)

        self._ask(remove)

    def _ask(self, work: Callable[[], T]) -> T:
        def guarded() -> T:
            refuse_prompt(self._backend)
            return work()

        return within(self._limit_secs, guarded)


def check_choice(environ: Mapping[str, str]) -> None:
    """Raises ConfigError if PYTHON_KEYRING_BACKEND names a backend that stores plain text. Imports nothing."""
    named = environ.get(VARIABLE, "")
    if is_plaintext(named):
        raise ConfigError(
            f"{VARIABLE} names {named[:80]!r}, which keeps secrets in plain text",
            hint=f"unset it, or use keyring.backends.null.Keyring for the encrypted file: unset {VARIABLE}",
            where=VARIABLE,
        )


def is_plaintext(name: str) -> bool:
    """Whether a backend, by its dotted name, is one of keyrings.alt or calls itself plain text."""
    return name.startswith("keyrings.alt") or "plaintext" in name.lower()


def open_keyring(environ: Mapping[str, str], *, limit_secs: float = LIMIT_SECS) -> OsKeyring:
    """The keyring to use, unlocked and answering.

    Raises KeyringUnavailableError if there is none that may be used, ConfigError if PYTHON_KEYRING_BACKEND names no backend.
    """
    check_choice(environ)
    named = environ.get(VARIABLE, "")

    def choose() -> KeyringBackend:
        backend = _load(named) if named else _find()
        refuse_prompt(backend)
        return backend

    return OsKeyring(within(limit_secs, choose), limit_secs=limit_secs)


def within(limit_secs: float, work: Callable[[], T]) -> T:
    """What `work` returns, or KeyringUnavailableError if it fails or takes too long.

    It runs in a thread that nobody waits for at exit: a D-Bus call without an answer cannot be taken back.
    """
    answers: queue.SimpleQueue[T | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(work())
        except Exception as exc:  # noqa: BLE001  (a backend is a plug-in: it may raise anything, and the asker hears of it)
            answers.put(exc)

    threading.Thread(target=run, name="keyring", daemon=True).start()
    try:
        answer = answers.get(timeout=limit_secs)
    except queue.Empty:
        raise KeyringStuckError(f"it did not answer within {limit_secs:g} s") from None
    if isinstance(answer, BuildNetError | KeyringUnavailableError):
        raise answer
    if isinstance(answer, Exception):
        raise KeyringUnavailableError(scrub(" ".join(str(answer).split()))[:200] or "it refused") from answer
    return answer


def refuse_prompt(backend: KeyringBackend) -> None:
    """Raises KeyringUnavailableError where the next call would open a window that asks for a password.

    Source: SecretStorage `get_default_collection` creates a missing collection, `unlock` opens a prompt; both wait for a person.
    """
    if not type(backend).__module__.startswith("keyring.backends.SecretService"):
        return
    from contextlib import closing

    import secretstorage
    from secretstorage.collection import DEFAULT_COLLECTION

    with closing(secretstorage.dbus_init()) as bus:
        try:
            collection = secretstorage.Collection(bus, getattr(backend, "preferred_collection", DEFAULT_COLLECTION))
            if collection.is_locked():
                raise KeyringUnavailableError("it is locked")
        except secretstorage.ItemNotFoundException:
            raise KeyringUnavailableError("it has no default collection yet") from None


def _load(named: str) -> KeyringBackend:
    from keyring.core import load_keyring

    try:
        backend = load_keyring(named)
    except (ImportError, AttributeError, ValueError, TypeError) as exc:
        raise ConfigError(
            f"{VARIABLE} names {named[:80]!r}, which is no keyring backend here",
            hint=f"unset it, or name one that `python -m keyring --list-backends` shows: unset {VARIABLE}",
            where=VARIABLE,
        ) from exc
    _require_safe(backend)
    return backend


def _find() -> KeyringBackend:
    from keyring import get_keyring
    from keyring.backends.chainer import ChainerBackend

    found = get_keyring()
    candidates = list(found.backends) if isinstance(found, ChainerBackend) else [found]
    for backend in candidates:
        if type(backend).__module__.startswith(_SYSTEM):
            return backend
    for backend in candidates:
        _require_safe(backend)
    label = type(found).__module__
    raise KeyringUnavailableError(f"{label} is not one of the operating system's; name it in {VARIABLE} to use it")


def _require_safe(backend: KeyringBackend) -> None:
    kind = type(backend)
    if kind.__module__ in _ABSENT:
        raise KeyringUnavailableError(_ABSENT[kind.__module__])
    if any(is_plaintext(f"{ancestor.__module__}.{ancestor.__qualname__}") for ancestor in kind.__mro__):
        raise KeyringUnavailableError(f"{kind.__module__} keeps secrets in plain text")
