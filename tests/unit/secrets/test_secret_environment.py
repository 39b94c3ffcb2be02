"""Variables move into the store all or none, and each name is shown with where it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildnet_cli.errors import NotFoundError, UsageError
from buildnet_cli.secrets.environment import Origin, Resolution, import_names, resolve
from buildnet_cli.secrets.file_store import FileStore
from buildnet_cli.secrets.os_keyring import KeyringUnavailableError
from buildnet_cli.secrets.vault import Keyring, Vault
from tests.support.clocks import START


def absent() -> Keyring:
    raise KeyringUnavailableError("this machine has none")


@pytest.fixture
def file(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "secrets", {})


@pytest.fixture
def vault(file: FileStore) -> Vault:
    return Vault(file, absent)


def test_each_name_resolves_to_the_first_place_that_has_it(vault: Vault, file: FileStore) -> None:
    vault.set("IN_FILE", "hunter2")
    vault.set("IN_BOTH", "hunter2")
    file.note_keyring("IN_KEYRING", START)
    names = ["MISSING", "IN_FILE", "IN_BOTH", "IN_KEYRING", "EMPTY"]
    found = resolve(names, {"IN_BOTH": "value", "EMPTY": "", "OTHER": "x"}, vault)
    assert [(each.name, each.origin) for each in found] == [
        ("MISSING", Origin.MISSING),
        ("IN_FILE", Origin.FILE),
        ("IN_BOTH", Origin.ENVIRONMENT),
        ("IN_KEYRING", Origin.KEYRING),
        ("EMPTY", Origin.MISSING),
    ]
    assert [each.name for each in found if each.problem] == ["IN_KEYRING"]
    assert "this machine has none" in found[3].problem


def test_a_resolution_holds_no_value(vault: Vault) -> None:
    assert "hunter2" not in repr(resolve(["A"], {"A": "hunter2"}, vault))


def test_variables_are_copied_into_the_store(vault: Vault) -> None:
    infos = import_names(["A", "B", "A"], {"A": "value of a", "B": "value of b"}, vault)
    assert [info.name for info in infos] == ["A", "B"]
    assert (vault.get("A"), vault.get("B")) == ("value of a", "value of b")
    assert resolve(["A"], {}, vault) == [Resolution("A", Origin.FILE)]


@pytest.mark.parametrize(
    ("names", "environ", "error"),
    [
        (["GOOD", "MISSING"], {"GOOD": "value"}, NotFoundError),
        (["GOOD", "EMPTY"], {"GOOD": "value", "EMPTY": ""}, NotFoundError),
        (["GOOD", "BAD-NAME"], {"GOOD": "value", "BAD-NAME": "value"}, UsageError),
        (["GOOD", "BROKEN"], {"GOOD": "value", "BROKEN": "\udcff"}, UsageError),
    ],
)
def test_one_that_cannot_be_stored_keeps_all_from_being_stored(
    vault: Vault, names: list[str], environ: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        import_names(names, environ, vault)
    assert vault.names() == []


def test_all_missing_variables_are_named_at_once(vault: Vault) -> None:
    with pytest.raises(NotFoundError, match="A, B"):
        import_names(["A", "B"], {}, vault)
