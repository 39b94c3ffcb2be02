"""A letter as plain text. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from buildnet_cli.channels.email.letter import Letter


def as_text(letter: Letter) -> str:
    """Lines that read well in any client; what stands below `-- ` is dropped when a reader answers."""
    return "\n".join(_lines(letter)) + "\n"


def _lines(letter: Letter) -> Iterator[str]:
    yield letter.headline
    yield letter.line
    if letter.fields:
        width = max(len(label) for label, _ in letter.fields) + 1
        yield ""
        yield from (f"{label + ':':<{width}}  {value}" for label, value in letter.fields)
    if letter.code:
        yield ""
        yield from (f"  {line}".rstrip() for line in letter.code.splitlines())
    if letter.actions:
        yield ""
        yield f"Commands: {' · '.join(letter.actions)}"
    yield ""
    yield "-- "
    yield letter.facts
    yield letter.reason
    yield from (f"{label}: {command}" for label, command in letter.commands)
