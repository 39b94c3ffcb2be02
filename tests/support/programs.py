"""The programs that integration tests drive, and the Debian packages that bring them.

Run as a script, it installs what is missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROGRAMS = {
    "bash": "bash",
    "dbus-run-session": "dbus-daemon",
    "faketime": "faketime",
    "fish": "fish",
    "gcc": "gcc",
    "gnome-keyring-daemon": "gnome-keyring",
    "strace": "strace",
    "tmux": "tmux",
    "zsh": "zsh",
}
"""Program to Debian package; the one list there is."""


def missing() -> list[str]:
    """The programs that are not on PATH."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


def install(packages: list[str]) -> bool:
    """Install Debian packages; False if apt-get could not."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-qq", "--yes", "--no-install-recommends", *packages]):
        if subprocess.run(["apt-get", *command], env=environ, stdout=subprocess.DEVNULL).returncode:
            return False
    return True


def main() -> None:
    """Install what is missing on a Debian that is ours; elsewhere say what will be skipped."""
    absent = missing()
    if not absent:
        return
    packages = [PROGRAMS[program] for program in absent]
    wish = f"apt-get install {' '.join(packages)}"
    is_debian = Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None
    if not is_debian or os.geteuid() != 0:
        print(f"Not installed: {', '.join(absent)}. Their tests will be skipped. On Debian: sudo {wish}")
        return
    print(wish, flush=True)
    if not install(packages):
        print(f"apt-get failed; tests that need {', '.join(missing())} will be skipped", file=sys.stderr)


if __name__ == "__main__":
    main()
