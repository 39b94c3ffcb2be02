"""The secret file: the list of all names, and the encrypted values of those that no OS keyring keeps."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from buildnet_cli.errors import ConfigError
from buildnet_cli.paths import prepare_state
from buildnet_cli.secrets.ledger import Entry, KeyProof, Ledger, from_json, to_json
from buildnet_cli.secrets.master_key import KEY_FILE, KeySource, MasterKey, find_master_key, make_key_file
from buildnet_cli.secrets.private_file import locked, read_private, replace_private
from buildnet_cli.secrets.sealing import SALT_BYTES, BrokenSealError, seal, unseal

FILE = "secrets.json"
# What the proof of the key says; its name is empty, as no secret's can be.
_PROOF = "buildnet-notify"


class FileStore:
    """`secrets.json` in a folder of its own. Nothing is made before something is written.

    folder: made with mode 0700 on first use. environ: where the key may come from.
    Every method raises ConfigError if a file is open to others, damaged, or under another key; StorageError if the disk refuses.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ
        self._unlocked: tuple[bytes, bytes] | None = None  # the salt and the key it led to: stretching takes 0.1 s

    @property
    def path(self) -> Path:
        return self._folder / FILE

    @property
    def key_label(self) -> str:
        """Where the key comes from, or will come from, as in "the key from …"."""
        key = find_master_key(self._folder, self._environ)
        return (key.source if key is not None else KeySource.KEY_FILE).label

    def entries(self) -> Mapping[str, Entry]:
        """Every name with the store that has its value; no key is needed."""
        return self._load().entries

    def read(self, name: str) -> str | None:
        """The value of a name that is kept here; None if it is not."""
        ledger = self._load()
        entry = ledger.entries.get(name)
        if entry is None or entry.sealed is None or ledger.key is None:
            return None
        key = self._key_for(ledger.key)
        try:
            return unseal(key, name, entry.sealed)
        except BrokenSealError as exc:
            raise ConfigError(
                f"the entry {name} in {self.path} has been changed by something else; it cannot be read",
                hint=f"set it again: buildnet-notify secrets set {name}",
                where=str(self.path),
            ) from exc

    def write(self, name: str, value: str, set_at: datetime) -> None:
        """Keep a value here, encrypted."""
        prepare_state(self._folder)
        with locked(self._folder):
            ledger = self._load()
            proof = ledger.key or self._new_proof()
            entry = Entry(set_at, seal(self._key_for(proof), name, value))
            self._save(Ledger(ledger.entries, proof).with_entry(name, entry))

    def note_keyring(self, name: str, set_at: datetime) -> None:
        """Remember that the keyring has this name now; a value that was kept here is gone."""
        prepare_state(self._folder)
        with locked(self._folder):
            self._save(self._load().with_entry(name, Entry(set_at)))

    def forget(self, name: str) -> None:
        """Remove a name, and its value if it was kept here."""
        prepare_state(self._folder)
        with locked(self._folder):
            self._save(self._load().without(name))

    def _load(self) -> Ledger:
        text = read_private(self.path)
        if text is None:
            return Ledger()
        try:
            return from_json(text)
        except ValueError as exc:
            raise ConfigError(
                f"the secret store {self.path} {exc}",
                hint="put a copy of it back, or remove it and set the secrets again",
                where=str(self.path),
            ) from exc

    def _save(self, ledger: Ledger) -> None:
        replace_private(self.path, to_json(ledger))

    def _new_proof(self) -> KeyProof:
        master = find_master_key(self._folder, self._environ) or make_key_file(self._folder)
        salt = os.urandom(SALT_BYTES)
        key = master.with_salt(salt)
        self._unlocked = salt, key
        return KeyProof(master.source, salt, seal(key, "", _PROOF))

    def _key_for(self, proof: KeyProof) -> bytes:
        if self._unlocked is not None and self._unlocked[0] == proof.salt:
            return self._unlocked[1]
        master = find_master_key(self._folder, self._environ)
        if master is None:
            raise self._wrong_key(proof, f"{self._folder / KEY_FILE} is gone")
        key = master.with_salt(proof.salt)
        try:
            unseal(key, "", proof.sealed)
        except BrokenSealError as exc:
            raise self._wrong_key(proof, _mismatch(master, proof)) from exc
        self._unlocked = proof.salt, key
        return key

    def _wrong_key(self, proof: KeyProof, reason: str) -> ConfigError:
        return ConfigError(
            f"the secret store {self.path} cannot be opened: {reason}",
            hint=f"give it back {proof.source.label}, or remove the store and set the secrets again",
            where=str(self.path),
        )


def _mismatch(master: MasterKey, proof: KeyProof) -> str:
    if master.source is proof.source:
        return f"{master.source.label} does not hold the key it was made with, or the store has been changed"
    return f"it was made with the key from {proof.source.label}, and this process has {master.source.label}"
