"""The configuration through the agent: seen with its secrets masked, changed through the one door, and in force at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from buildnet_cli.config import view
from buildnet_cli.config.history import History
from buildnet_cli.config.loader import Loaded
from buildnet_cli.config.origin import dotted, parse_key
from buildnet_cli.config.problems import InvalidConfigError
from buildnet_cli.errors import BuildNetError, NotFoundError, UsageError
from buildnet_cli.paths import Workspace
from buildnet_cli.secrets.vault import open_vault

if TYPE_CHECKING:
    from buildnet_cli.config.edit import Change, Editor


class AgentSettings:
    """Implements `commands/model.Settings`.

    loaded: what is in force. reload: takes over what has been written.
    """

    def __init__(
        self, workspace: Workspace, loaded: Callable[[], Loaded], reload: Callable[[], Awaitable[Mapping[str, Any]]]
    ) -> None:
        self._workspace = workspace
        self._loaded = loaded
        self._reload = reload
        self._changing = asyncio.Lock()

    def value(self, key: str) -> Any:
        return _value(self._loaded(), key) if key else view.shown(self._loaded(), is_remote=True)

    async def would_set(self, key: str, text: str, *, is_remote: bool) -> Mapping[str, Any]:
        before = self._loaded()
        after = await asyncio.to_thread(_explained, lambda: self._editor(is_remote).try_value(key, text))
        _refuse_secret(key, after)
        return {"key": key, "before": _value_or_none(before, key), "after": _value_or_none(after, key)}

    async def set(self, key: str, text: str, *, is_remote: bool) -> Mapping[str, Any]:
        async with self._changing:
            told = await self.would_set(key, text, is_remote=is_remote)
            change = await asyncio.to_thread(_explained, lambda: self._editor(is_remote).set_value(key, text))
            await self._take_over(change)
            return {**told, "version": change.version.number}

    async def merge(self, patch: Mapping[str, Any], *, is_remote: bool) -> Mapping[str, Any]:
        """Apply a JSON merge patch and work by it; the configuration as it is then, and its version. Raises as `set` does."""
        async with self._changing:
            change = await asyncio.to_thread(_explained, lambda: self._editor(is_remote).merge(patch))
            await self._take_over(change)
            return {"version": change.version.number, "changed": change.before != change.after}

    async def _take_over(self, change: Change) -> None:
        try:
            await self._reload()
        except BuildNetError:
            # It loads, and yet cannot be worked by, as when packages contradict each other: nothing is to be changed then.
            await asyncio.to_thread(lambda: self._editor(is_remote=False).replace(change.before))
            raise

    def _editor(self, is_remote: bool) -> Editor:
        from buildnet_cli.config.edit import Editor  # a megabyte, which only those need who change something

        history = History.of_state(self._workspace.state)
        return Editor(self._workspace.config, history, open_vault().get, is_remote=is_remote)


def _explained(change: Callable[[], Any]) -> Any:
    """A change that would not load is the asker's mistake."""
    try:
        return change()
    except InvalidConfigError as exc:
        raise UsageError(f"nothing has been changed: {exc.message}", where=exc.where) from exc


def _value(loaded: Loaded, key: str) -> Any:
    try:
        return view.get(loaded, key, is_remote=True)
    except NotFoundError as exc:
        raise UsageError(f"there is no key {ascii(key)[:80]}: {exc.message}", hint=exc.hint) from exc


def _value_or_none(loaded: Loaded, key: str) -> Any:
    """A key in its second spelling, or of a section that is not there, has no value of its own."""
    try:
        return view.get(loaded, key, is_remote=True)
    except NotFoundError:
        return None


def _refuse_secret(key: str, after: Loaded) -> None:
    path = parse_key(key)
    if any(secret[: len(path)] == path and secret in after.literals for secret in after.secrets):
        raise UsageError(
            f"{dotted(path)} holds a secret, and a command is written down",
            hint="on that machine: buildnet-notify secrets set NAME, and ${NAME} in the configuration",
        )
