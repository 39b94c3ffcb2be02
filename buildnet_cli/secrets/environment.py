"""Secrets and the environment: moving variables into the store, and saying where each `${NAME}` comes from."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from buildnet_cli.errors import NotFoundError
from buildnet_cli.secrets.ledger import Store
from buildnet_cli.secrets.vault import SecretInfo, Vault, check_name, check_value


class Origin(enum.StrEnum):
    """Where a `${NAME}` is found; the environment wins over the store."""

    ENVIRONMENT = "env"
    KEYRING = "keyring"
    FILE = "file"
    MISSING = "missing"


@dataclass(frozen=True)
class Resolution:
    """Where one name comes from. problem: why it cannot be read all the same; empty if it can."""

    name: str
    origin: Origin
    problem: str = ""


def resolve(names: Iterable[str], environ: Mapping[str, str], vault: Vault) -> list[Resolution]:
    """Where each name comes from, in the order given; stored ones are really read.

    Raises ConfigError if the secret file itself cannot be read.
    """
    stored = {info.name: info.store for info in vault.names()}
    return [_resolve(name, environ, stored.get(name), vault) for name in names]


def import_names(names: Iterable[str], environ: Mapping[str, str], vault: Vault) -> list[SecretInfo]:
    """Copy variables of the environment into the store. All are checked before the first is written.

    Raises NotFoundError that lists the names which are not set, UsageError if a name or a value cannot be stored.
    """
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        check_name(name)
    missing = [name for name in wanted if not environ.get(name)]
    if missing:
        raise NotFoundError(f"not set in the environment: {', '.join(missing)}", hint=f"export {missing[0]}=…, then try again")
    for name in wanted:
        check_value(environ[name])
    return [vault.set(name, environ[name]) for name in wanted]


def _resolve(name: str, environ: Mapping[str, str], store: Store | None, vault: Vault) -> Resolution:
    if environ.get(name):
        return Resolution(name, Origin.ENVIRONMENT)
    if store is None:
        return Resolution(name, Origin.MISSING)
    problem = vault.problem_with(name)
    return Resolution(name, Origin(store.value), problem.message if problem is not None else "")
