"""What may be written where, read from the JSON Schema of the models: which keys a section has, and which values are secret."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from buildnet_cli.config.origin import KeyPath, Node

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Shape:
    """One place of the configuration. branches: the schemas of which a value there has to meet one."""

    branches: tuple[Schema, ...]
    definitions: Schema

    @classmethod
    @functools.cache
    def of(cls, model: type[BaseModel]) -> Shape:
        """The shape of a whole file."""
        schema = model.model_json_schema(by_alias=True, mode="validation")
        definitions = schema.get("$defs", {})
        return cls(tuple(_branches(schema, definitions)), definitions)

    def child(self, part: str | int) -> Shape | None:
        """The shape of what stands under a key or an index; None if nothing may."""
        found: list[Schema] = []
        for branch in self.branches:
            if isinstance(part, int):
                below = branch.get("items")
            else:
                below = branch.get("properties", {}).get(part, branch.get("additionalProperties"))
            if isinstance(below, Mapping):
                found.extend(_branches(below, self.definitions))
        return Shape(tuple(found), self.definitions) if found else None

    def at(self, path: KeyPath) -> Shape | None:
        shape: Shape | None = self
        for part in path:
            shape = shape.child(part) if shape is not None else None
        return shape

    @property
    def keys(self) -> list[str]:
        """The keys that may stand here, in the order of the model."""
        return list(dict.fromkeys(key for branch in self.branches for key in branch.get("properties", {})))

    @property
    def description(self) -> str:
        """What the key is for; empty if nobody said."""
        return next((str(branch["description"]) for branch in self.branches if "description" in branch), "")

    @property
    def is_secret(self) -> bool:
        """Whether a value here is a credential, on its own or in any of its forms."""
        return any(branch.get("format") == "password" or branch.get("writeOnly") for branch in self.branches)


# Headers whose values are the same everywhere: masking `application/json` would blank out ordinary text.
_PUBLIC_HEADERS = frozenset(("accept", "accept-encoding", "accept-language", "content-type", "content-language", "user-agent"))


def is_public_header(path: KeyPath) -> bool:
    """Whether a path names an HTTP header that holds no credential, although its neighbours may."""
    return len(path) > 1 and path[-2] == "headers" and str(path[-1]).lower() in _PUBLIC_HEADERS


def secrets_in(root: Node, shape: Shape) -> Iterator[tuple[KeyPath, str]]:
    """Every text that was written where a secret belongs."""
    for path, node in root.walk():
        place = shape.at(path) if isinstance(node.value, str) and not is_public_header(path) else None
        if isinstance(node.value, str) and place is not None and place.is_secret:
            yield path, node.value


def _branches(schema: Schema, definitions: Schema) -> Iterator[Schema]:
    yield schema
    if "$ref" in schema:
        yield from _branches(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    for combination in ("anyOf", "oneOf", "allOf"):
        for option in schema.get(combination, ()):
            yield from _branches(option, definitions)
