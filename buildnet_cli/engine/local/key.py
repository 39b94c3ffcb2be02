"""What a build's result depends on, as one value and its digest: the key under which the result is kept."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass

from buildnet_cli.engine.local.hashing import digest_of_json

SCHEMA = 1
"""Changes whenever the recipe does, so that a key never means two things."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that goes into a key.

    platform: system and processor. path: the package's folder. outputs: its output folders, in order.
    inputs: tokens of the source files by path, as `hashing.Hasher` makes them. manifests: the same for lockfiles and manifests.
    dependencies: the keys of what it depends on, by name. environment: digests of declared variables, empty for one that is not
    set; their values are stored nowhere. toolchain: digests of what the version commands say, by command.
    """

    platform: str
    package: str
    path: str
    command: str
    micro_command: str
    outputs: tuple[str, ...]
    inputs: Mapping[str, str]
    manifests: Mapping[str, str]
    dependencies: Mapping[str, str]
    environment: Mapping[str, str]
    toolchain: Mapping[str, str]

    @property
    def key(self) -> str:
        """64 hexadecimal digits."""
        return digest_of_json({"schema": SCHEMA, **dataclasses.asdict(self)})

    def as_text(self) -> str:
        """For `read_parts`."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"))


def read_parts(text: str) -> Parts:
    """The parts that `as_text` wrote."""
    values = json.loads(text)
    return Parts(**{**values, "outputs": tuple(values["outputs"])})
