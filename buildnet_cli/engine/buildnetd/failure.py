"""Why a build of the daemon failed, read from the one text that it gives. Pure.

Source: BuildNet daemon 0.1.0: `Build failed: Command failed with exit code N: ` and all of stderr; stdout is nowhere to be
had. N is -1 for any signal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from buildnet_cli.engine.extract.extract import extract
from buildnet_cli.engine.model import BuildError

_COMMAND = re.compile(r"(?:Build failed: )?Command failed with exit code (-?\d{1,10}): ?")
_LONGEST = 200
_TAIL_LINES = 12
_BY_SIGNAL = -1


@dataclass(frozen=True, slots=True)
class Failure:
    """reason, exit_code, error: as a `Build` holds them."""

    reason: str
    exit_code: int | None
    error: BuildError


def read_failure(text: str, *, root: Path, folder: str) -> Failure:
    """root: the project, absolute. folder: the package's, relative to it."""
    found = _COMMAND.match(text)
    if found is None:
        return broken(text.removeprefix("Build failed: ") or "The daemon does not say why")
    code, stderr = int(found[1]), text[found.end() :]
    if code == _BY_SIGNAL:
        tail = "\n".join(stderr.splitlines()[-_TAIL_LINES:])
        return Failure("signal", None, BuildError("Killed: ended by a signal", tail=tail, fingerprint="buildnetd:signal"))
    return Failure("exit", code, extract(stderr, root=root, cwd=root / folder, exit_code=code))


def broken(said: str, *, suggestion: str = "See the log of the BuildNet daemon") -> Failure:
    """The daemon itself failed. said: one line or many."""
    headline = (said.strip().splitlines() or [""])[0][:_LONGEST]
    return Failure("daemon", None, BuildError(headline[:1].upper() + headline[1:], suggestion=suggestion))


def lost(package: str, said: str) -> Failure:
    """The connection broke while it built."""
    headline = f"The BuildNet daemon was lost while it built {package}; how that ended is not known"
    error = BuildError(headline, suggestion=f"BUILD {package} again", tail=said, fingerprint="buildnetd:lost")
    return Failure("daemon", None, error)


def left_behind(package: str) -> Failure:
    """The agent ends, and cannot end the daemon's build."""
    headline = f"The agent stopped while the BuildNet daemon built {package}; the daemon may go on, its end is not known"
    return Failure("shutdown", None, BuildError(headline, suggestion=f"BUILD {package} again", fingerprint="buildnetd:left"))
