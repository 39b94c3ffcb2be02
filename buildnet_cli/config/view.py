"""The configuration as a person may see it: every value in force, references as they were written, secrets as `***`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from buildnet_cli.config.loader import Loaded
from buildnet_cli.config.origin import KeyPath, dotted, parse_key
from buildnet_cli.config.problems import quoted
from buildnet_cli.errors import NotFoundError
from buildnet_cli.redact import MASK, scrub


def shown(loaded: Loaded, *, is_remote: bool = False) -> dict[str, Any]:
    """All sections as lists, mappings and scalars, defaults included.

    is_remote: whether somebody afar sees it; a secret is `***` then even if only its name stands in the file.
    """
    data: dict[str, Any] = _scrubbed(loaded.config.model_dump(mode="json", by_alias=True))
    for path in loaded.secrets:
        _put(data, path, MASK)
    for path, written in loaded.references.items():
        if not (is_remote and path in loaded.secrets):
            _put(data, path, written)
    return data


def get(loaded: Loaded, key: str, *, is_remote: bool = False) -> Any:
    """One value or section, shown as in `shown`. Raises UsageError if the key cannot be read, NotFoundError if there is none."""
    path = parse_key(key)
    value: Any = shown(loaded, is_remote=is_remote)
    for depth, part in enumerate(path):
        if not _has(value, part):
            raise _not_found(value, path[: depth + 1])
        value = value[part]
    return value


def _has(data: Any, part: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(part, int) and part < len(data)
    return isinstance(data, dict) and part in data


def _not_found(parent: Any, path: KeyPath) -> NotFoundError:
    where = dotted(path[:-1]) or "the configuration"
    if isinstance(parent, list):
        return NotFoundError(f"{where} has {len(parent)} entries, counted from 0; there is no {dotted(path)}")
    known = list(parent) if isinstance(parent, Mapping) else []
    near = difflib.get_close_matches(str(path[-1]), known, n=1)
    hint = f"did you mean {dotted((*path[:-1], near[0]))}?" if near else f"known here: {', '.join(known)}" if known else ""
    return NotFoundError(f"{where} has no key {quoted(str(path[-1]))}", hint=hint)


def _put(data: Any, path: KeyPath, value: str) -> None:
    """Replace a value where there is one; the second spelling of a key has none."""
    for part in path[:-1]:
        if not _has(data, part):
            return
        data = data[part]
    if _has(data, path[-1]):
        data[path[-1]] = value


def _scrubbed(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _scrubbed(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_scrubbed(value) for value in data]
    return scrub(data) if isinstance(data, str) else data
