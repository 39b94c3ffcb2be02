"""A text through the user's own editor."""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path

from buildnet_cli.errors import BuildNetError, UsageError


def edit_text(text: str, *, suffix: str) -> str:
    """The text as it was saved.

    Raises UsageError if no editor is named, BuildNetError if it fails; then nothing has changed.
    """
    from buildnet_cli.process.spawn import run_attached

    command = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not command:
        raise UsageError("no editor is named", hint="set EDITOR, such as EDITOR=nano")
    with tempfile.TemporaryDirectory(prefix="buildnet-notify-") as folder:
        path = Path(folder) / f"edit{suffix}"
        path.write_text(text, "utf-8")
        try:
            code = run_attached([*shlex.split(command), str(path)], env=os.environ).code
        except (OSError, ValueError) as exc:
            raise UsageError(f"{command} cannot be started ({exc})", hint="set EDITOR, such as EDITOR=nano") from exc
        if code != 0:
            raise BuildNetError(f"{command} ended with {code}; nothing was changed")
        return path.read_text("utf-8")
