"""A real terminal with a real shell in it, driven key by key through tmux."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path


class Terminal:
    """A shell in a terminal of 120 by 40. The caller closes it.

    socket: where this terminal's own tmux server listens. command: the shell and its arguments. environ: all that it inherits.
    """

    def __init__(self, socket: Path, command: list[str], *, cwd: Path, environ: dict[str, str]) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", os.devnull]
        self._environ = environ
        self._run("new-session", "-d", "-x", "120", "-y", "40", "-c", str(cwd), *command)

    def type(self, text: str) -> None:
        """Press the keys of a text."""
        self._run("send-keys", "-l", "--", text)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names for them, such as Enter, Tab or C-u."""
        self._run("send-keys", *keys)

    def screen(self) -> str:
        """What is to be seen now."""
        return self._run("capture-pane", "-p")

    def wait_for(self, text: str, *, secs: float = 10.0) -> str:
        """The screen, once it shows a text. Raises AssertionError with the screen if it never does."""
        deadline = time.monotonic() + secs
        while text not in (screen := self.screen()):
            assert time.monotonic() < deadline, f"{text!r} never came:\n{screen}"
            time.sleep(0.05)
        return screen

    def close(self) -> None:
        """End the shell and the server."""
        self._run("kill-server")

    def _run(self, *args: str) -> str:
        return subprocess.run([*self._tmux, *args], env=self._environ, check=True, capture_output=True, text=True).stdout
