"""What nobody may change from afar: who may ask, what runs on this machine, secrets, and where things are sent or kept. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from buildnet_cli.config.origin import KeyPath, dotted, leaves
from buildnet_cli.errors import DeniedError

_SECTIONS: Final = frozenset({"remote_control", "plugins", "packages"})
_AREAS: Final = (("agent", "api"), ("storage", "path"), ("reports", "storage", "path"), ("engine", "config"))

# Wherever they stand. Who may give commands through a chat is written beside the chat.
_NAMES: Final = frozenset({
    "allowed_users", "guild_id", "team_id", "mode", "keywords",
    "account_sid", "auth_token", "bot_token", "app_token", "token", "api_key", "access_key_id", "secret_access_key",
    "session_token", "signing_secret", "webhook_secret", "public_key", "secret", "password", "username", "credentials", "auth",
    "headers", "host", "port", "ca_file", "tls", "implicit_tls", "verify", "allow_insecure", "status_callback",
    "start_command", "from",
})  # fmt: skip


def refuse_protected(before: Mapping[str, Any], after: Mapping[str, Any], secrets: Collection[KeyPath], *, hint: str) -> None:
    """Raises DeniedError if two states of the file differ in anything that only this machine's terminal may change.

    before, after: their plain values. secrets: the paths of all credentials in either.
    A value that takes in a `${NAME}` counts as well: it would show a secret to whoever reads the setting's effect.
    """
    for path, values in _changes(before, after):
        if is_protected(path) or path in secrets or any(_leads_elsewhere(value) for value in values):
            raise DeniedError(
                f"{dotted(path)} can be changed from the local terminal only: who may ask, secrets, addresses, paths and plugins "
                "are not changed from afar",
                hint=hint,
            )


def changed_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[KeyPath]:
    """The paths of all values that are not the same in both."""
    return [path for path, _ in _changes(before, after)]


def is_protected(path: KeyPath) -> bool:
    """Whether a key is one of those, by its name and place."""
    return (
        (bool(path) and path[0] in _SECTIONS)
        or any(path[: len(area)] == area for area in _AREAS)
        or any(isinstance(part, str) and (part in _NAMES or part == "url" or part.endswith("_url")) for part in path)
    )


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[KeyPath, tuple[Any, Any]]]:
    old, new = dict(leaves(before)), dict(leaves(after))
    for path in {**old, **new}:
        values = (old.get(path, _NOTHING), new.get(path, _NOTHING))
        if values[0] != values[1] or type(values[0]) is not type(values[1]):
            yield path, values


def _leads_elsewhere(value: Any) -> bool:
    return isinstance(value, str) and ("://" in value or "${" in value)


_NOTHING: Final = object()
