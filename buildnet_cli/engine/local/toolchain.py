"""What the tools of a build say of their version, asked once per executable."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from buildnet_cli.engine.local.hashing import digest_of
from buildnet_cli.process import spawn

_LIMIT_SECS = 10.0


class Toolchain:
    """Runs version commands and remembers the answers as long as the executable's path, time and size stay."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, Path, str, int, int], str] = {}

    def digest(self, command: str, *, folder: Path, environment: Mapping[str, str]) -> str:
        """Of the answer to a command such as `node --version`; empty if there is no such program. Blocks while it runs.

        Raises OSError or ValueError if the command cannot be run, TimeoutError if it takes longer than 10 s.
        """
        argv = shlex.split(command)
        found = shutil.which(argv[0], path=environment.get("PATH")) if argv else None
        if found is None:
            return ""
        info = Path(found).stat()
        # In another folder the same program may be another version: rustup, nvm and asdf all do this.
        asked = (command, folder, found, info.st_mtime_ns, info.st_size)
        if asked not in self._answers:
            answer = spawn.run([found, *argv[1:]], env=environment, cwd=folder, timeout_secs=_LIMIT_SECS)
            self._answers[asked] = digest_of(f"{answer.exit.code}\n{answer.output}".encode("utf-8", "surrogateescape"))
        return self._answers[asked]
