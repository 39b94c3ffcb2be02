"""One thing a tool complained about, and the output that it was found in."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_OUTPUT = 256 << 10
MAX_LINE = 2_000
"""Characters of a line that are looked at: no expression here may take long on anything."""

# Source: ECMA-48, control sequences; xterm "Operating System Commands".
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ENTERING = re.compile(r"^make(?:\[\d+\])?: (Entering|Leaving) directory ['`‘](.+)['’]$")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one tool complained about.

    title: what failed, such as `C/C++ compilation failed`.
    message: the tool's own words, in one line.
    at: the line of output it was read from, from 0.
    file: as the tool wrote it; empty if it named none.
    code: the tool's name for this kind of complaint, such as `TS2304`; empty if it has none.
    advice: what to do beyond looking at the place; empty if nothing can be said.
    """

    title: str
    message: str
    at: int
    file: str = ""
    line: int | None = None
    code: str = ""
    advice: str = ""
    is_warning: bool = False


class Output:
    """What a build wrote, without colours, with the folder that each line speaks from.

    text: of any length; only the end of it is looked at.
    root, cwd: the workspace, and the folder that the command ran in.
    """

    def __init__(self, text: str, *, root: Path, cwd: Path) -> None:
        self._root = root.as_posix()
        self._cwd = cwd.as_posix()
        self.lines = [line[:MAX_LINE] for line in plain(text[-MAX_OUTPUT:]).split("\n")]
        self._folders = list(_folders(self.lines, self._cwd))

    def relative(self, file: str, at: int) -> str:
        """A file as line `at` names it, relative to the workspace; as an absolute path if it lies elsewhere."""
        path = posixpath.normpath(posixpath.join(self._folders[at], file))
        return path.removeprefix(self._root + "/")

    def is_ours(self, file: str, at: int) -> bool:
        """Whether a file lies in the workspace, and is no installed library."""
        path = self.relative(file, at)
        return not path.startswith(("/", "<")) and not any(part in path for part in ("site-packages/", "node_modules/"))


def plain(text: str) -> str:
    """The text without colours and other control characters; tabs and line ends stay."""
    return _CONTROL.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))


def _folders(lines: Sequence[str], cwd: str) -> Iterator[str]:
    """The folder each line speaks from: make says when it goes into another one."""
    stack = [cwd]
    for line in lines:
        moved = _ENTERING.match(line) if line.startswith("make") else None
        if moved and moved[1] == "Entering":
            stack.append(moved[2])
        elif moved and len(stack) > 1:
            stack.pop()
        yield stack[-1]
