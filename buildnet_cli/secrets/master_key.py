"""Where the key of the encrypted file comes from: a systemd credential, BUILDNET_MASTER_KEY, or a key file of our own."""

from __future__ import annotations

import enum
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from buildnet_cli import redact
from buildnet_cli.errors import ConfigError, StorageError
from buildnet_cli.secrets.private_file import create_private, read_private
from buildnet_cli.secrets.sealing import KEY_BYTES, stretch

VARIABLE = "BUILDNET_MASTER_KEY"
CREDENTIAL = "buildnet-notify.key"
KEY_FILE = "secrets.key"
SHORTEST = 32
"""Bytes that a passphrase must have at least."""


class KeySource(enum.StrEnum):
    """Who holds the key; the first that is there wins."""

    CREDENTIAL = "credential"
    ENVIRONMENT = "environment"
    KEY_FILE = "key file"

    @property
    def label(self) -> str:
        """As in "the key from …"."""
        return {
            KeySource.CREDENTIAL: f"the systemd credential {CREDENTIAL}",
            KeySource.ENVIRONMENT: VARIABLE,
            KeySource.KEY_FILE: f"the key file {KEY_FILE}",
        }[self]


@dataclass(frozen=True)
class MasterKey:
    """A key before it is made fit for the cipher. Its representation does not show it."""

    source: KeySource
    material: bytes

    def __repr__(self) -> str:
        return f"MasterKey({self.source.value})"

    def with_salt(self, salt: bytes) -> bytes:
        """The 32 bytes for the cipher: a passphrase is stretched, our own random key is used as it is."""
        return self.material if self.source is KeySource.KEY_FILE else stretch(self.material, salt)


def find_master_key(folder: Path, environ: Mapping[str, str]) -> MasterKey | None:
    """The key this process can get at; None if there is no key file yet either.

    folder: where our own key file lies. environ: read for CREDENTIALS_DIRECTORY and BUILDNET_MASTER_KEY.
    Raises ConfigError if the one found is too short, or is open to other users.
    """
    credential = _read_credential(environ)
    if credential is not None:
        return _passphrase(KeySource.CREDENTIAL, credential)
    given = environ.get(VARIABLE)
    if given is not None:
        redact.register(given)
        return _passphrase(KeySource.ENVIRONMENT, os.fsencode(given))
    path = folder / KEY_FILE
    key = read_private(path)
    if key is not None and len(key) != KEY_BYTES:
        raise ConfigError(
            f"{path} has {len(key)} bytes; a key file has {KEY_BYTES}",
            hint="put its copy back, or remove it together with the secret store and set the secrets again",
            where=str(path),
        )
    return MasterKey(KeySource.KEY_FILE, key) if key is not None else None


def make_key_file(folder: Path) -> MasterKey:
    """A new random key in a file of mode 0600. Raises StorageError if there is one already or it cannot be written."""
    key = os.urandom(KEY_BYTES)
    create_private(folder / KEY_FILE, key)
    return MasterKey(KeySource.KEY_FILE, key)


def _read_credential(environ: Mapping[str, str]) -> bytes | None:
    # Source: systemd.exec(5), "Credentials": $CREDENTIALS_DIRECTORY/ID, guarded by systemd, owned by root on some versions.
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return None
    path = Path(folder) / CREDENTIAL
    try:
        if path.stat().st_mode & 0o007:
            raise ConfigError(
                f"{path} is open to every user; it must be 0400 or 0600", hint=f"chmod 0600 {path}", where=str(path)
            )
        return path.read_bytes().strip()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise StorageError(f"{path} cannot be read ({(exc.strerror or 'refused').lower()})", where=str(path)) from exc


def _passphrase(source: KeySource, text: bytes) -> MasterKey:
    if len(text) < SHORTEST:
        raise ConfigError(
            f"the key from {source.label} has {len(text)} characters; it needs {SHORTEST} or more",
            hint="make one with: openssl rand -base64 32",
            where=source.label,
        )
    return MasterKey(source, text)
