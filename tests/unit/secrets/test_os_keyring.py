"""A keyring is used only if it encrypts, answers in time and asks nobody."""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Iterator

import keyring.backend
import keyring.core
import pytest
from keyring.backends import fail, null
from keyring.backends.chainer import ChainerBackend
from keyring.errors import KeyringError, PasswordSetError

from buildnet_cli.errors import ConfigError
from buildnet_cli.secrets.os_keyring import (
    SERVICE,
    VARIABLE,
    KeyringStuckError,
    KeyringUnavailableError,
    OsKeyring,
    check_choice,
    open_keyring,
    within,
)


@pytest.fixture(autouse=True)
def _leave_no_backend_behind() -> Iterator[None]:
    """Backend classes register themselves on definition, and the chosen one is remembered."""
    known, chosen = set(keyring.backend.KeyringBackend._classes), keyring.core._keyring_backend
    yield
    keyring.backend.KeyringBackend._classes.clear()
    keyring.backend.KeyringBackend._classes.update(known)
    keyring.core._keyring_backend = chosen


def backend_in(module: str, **members: object) -> keyring.backend.KeyringBackend:
    """A backend that keeps values in memory, as if it were defined in this module."""
    content: dict[tuple[str, str], str] = {}
    members = {
        "__module__": module,
        "priority": 5,
        "get_password": lambda self, service, name: content.get((service, name)),
        "set_password": lambda self, service, name, value: content.__setitem__((service, name), value),
        "delete_password": lambda self, service, name: content.__delitem__((service, name)),
    } | members
    kind: type[keyring.backend.KeyringBackend] = type("Keyring", (keyring.backend.KeyringBackend,), members)
    return kind()


def choose(backend: keyring.backend.KeyringBackend) -> None:
    """Make it the one the library would pick."""
    keyring.core.set_keyring(backend)


def test_a_system_keyring_is_used_under_our_service_name() -> None:
    backend = backend_in("keyring.backends.macOS")
    choose(backend)
    found = open_keyring({})
    found.set("A", "hunter2")
    assert backend.get_password(SERVICE, "A") == "hunter2"
    assert found.get("A") == "hunter2"
    found.delete("A")
    found.delete("A")
    assert found.get("A") is None
    assert found.label == "macOS"


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        (fail.Keyring(), "this machine has none"),
        (null.Keyring(), "it is switched off"),
        (backend_in("keyrings.alt.file"), "plain text"),
        (backend_in("somebody.else"), f"name it in {VARIABLE}"),
    ],
)
def test_a_keyring_that_may_not_be_used_counts_as_none(backend: keyring.backend.KeyringBackend, reason: str) -> None:
    choose(backend)
    with pytest.raises(KeyringUnavailableError, match=reason):
        open_keyring({})


def test_of_several_keyrings_the_systems_own_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = backend_in("keyring.backends.macOS")
    monkeypatch.setattr(ChainerBackend, "backends", [backend_in("keyrings.alt.file"), ours])
    choose(ChainerBackend())
    open_keyring({}).set("A", "hunter2")
    assert ours.get_password(SERVICE, "A") == "hunter2"


@pytest.mark.parametrize(
    "name",
    [
        "keyrings.alt.file.PlaintextKeyring",
        "keyrings.alt.file.EncryptedKeyring",
        "keyrings.alt.Gnome.Keyring",
        "keyring.backends.file.PlaintextKeyring",
        "my.plaintext.Keyring",
    ],
)
def test_naming_a_plaintext_keyring_is_a_configuration_error(name: str) -> None:
    for refuse in (check_choice, open_keyring):
        with pytest.raises(ConfigError, match="plain text") as caught:
            refuse({VARIABLE: name})
        assert caught.value.hint


@pytest.mark.parametrize("name", ["no.such.Keyring", "keyring.backends.null.NoSuch", "Keyring", ".", "..", "a..b"])
def test_naming_no_keyring_at_all_is_a_configuration_error(name: str) -> None:
    with pytest.raises(ConfigError, match="is no keyring backend here"):
        open_keyring({VARIABLE: name})


@pytest.mark.parametrize("name", ["keyring.backends.null.Keyring", "keyring.backends.fail.Keyring"])
def test_naming_the_null_keyring_switches_it_off(name: str) -> None:
    with pytest.raises(KeyringUnavailableError):
        open_keyring({VARIABLE: name})


def test_a_keyring_of_somebody_else_is_used_when_the_operator_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("somebody_else")
    vars(module)["Keyring"] = type(backend_in("somebody_else"))
    monkeypatch.setitem(sys.modules, "somebody_else", module)
    found = open_keyring({VARIABLE: "somebody_else.Keyring"})
    found.set("A", "hunter2")
    assert found.get("A") == "hunter2"


def test_a_subclass_of_a_plaintext_keyring_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    base = type(backend_in("keyrings.alt.file"))
    module = types.ModuleType("innocent")
    vars(module)["Keyring"] = type("Keyring", (base,), {"__module__": "innocent"})
    monkeypatch.setitem(sys.modules, "innocent", module)
    with pytest.raises(KeyringUnavailableError, match="plain text"):
        open_keyring({VARIABLE: "innocent.Keyring"})


def test_a_named_keyring_that_cannot_work_here_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nonexistent")
    with pytest.raises(KeyringUnavailableError):
        open_keyring({VARIABLE: "keyring.backends.SecretService.Keyring"})


def test_a_keyring_that_never_answers_is_left_alone_after_the_limit() -> None:
    never = threading.Event()
    stuck = OsKeyring(backend_in("keyring.backends.macOS", get_password=lambda *_: never.wait()), limit_secs=0.01)
    with pytest.raises(KeyringStuckError, match=r"did not answer within 0\.01 s"):
        stuck.get("A")
    never.set()


def test_the_thread_of_a_stuck_call_does_not_keep_the_program_from_ending() -> None:
    daemons: list[bool] = []
    within(1, lambda: daemons.append(threading.current_thread().daemon))
    assert daemons == [True]


@pytest.mark.parametrize("error", [KeyringError("refused\n  twice"), OSError("refused twice"), KeyError("refused twice")])
def test_whatever_a_backend_raises_becomes_one_sentence(error: Exception) -> None:
    def refuse(*_: object) -> None:
        raise error

    with pytest.raises(KeyringUnavailableError, match="refused twice") as caught:
        OsKeyring(backend_in("keyring.backends.macOS", get_password=refuse)).get("A")
    assert not isinstance(caught.value, KeyringStuckError)


def test_an_error_without_words_still_says_something() -> None:
    def refuse(*_: object) -> None:
        raise PasswordSetError

    with pytest.raises(KeyringUnavailableError, match="it refused"):
        OsKeyring(backend_in("keyring.backends.macOS", set_password=refuse)).set("A", "hunter2")


def test_a_keyring_that_forgets_what_it_takes_is_noticed() -> None:
    forgetful = OsKeyring(backend_in("keyring.backends.macOS", get_password=lambda *_: None))
    with pytest.raises(KeyringUnavailableError, match="did not keep"):
        forgetful.set("A", "hunter2")
