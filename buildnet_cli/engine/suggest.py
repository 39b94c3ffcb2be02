"""What somebody may have meant who named no package of the project."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 80


def nearest_package(name: str, known: Iterable[str]) -> str:
    """A hint: the package whose name is most alike, else all there are."""
    names = list(known)
    near = difflib.get_close_matches(name[:_LONGEST], names, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"packages: {', '.join(names)}" if names else ""
