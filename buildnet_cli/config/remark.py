"""Something worth knowing about a configuration that is valid, and the walk over its sections that finds such things."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from buildnet_cli.config.origin import KeyPath
from buildnet_cli.config.section import Section


@dataclass(frozen=True, slots=True)
class Remark:
    """Something worth knowing about a configuration that is valid.

    path: keys and indices from the root of the file to what is meant.
    message: a sentence, without secrets. hint: what to write instead; empty if there is nothing to do.
    is_note: it tells how something works; nothing is wrong.
    """

    path: KeyPath
    message: str
    hint: str = ""
    is_note: bool = False


def sections_of(section: Section, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Section]]:
    """A section and everything below it, each with its path in the file."""
    yield path, section
    for name in type(section).model_fields:
        value, below = getattr(section, name), (*path, section.key_of(name))
        if isinstance(value, Section):
            yield from sections_of(value, below)
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if isinstance(item, Section):
                    yield from sections_of(item, (*below, index))
