"""The agent's diary: one JSON object per line, rotated, with every secret masked. A failing log never stops the program."""

from __future__ import annotations

import contextlib
import json
import logging
import logging.handlers
import os
import sys
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from buildnet_cli.clock import to_rfc3339
from buildnet_cli.redact import scrub, scrub_json

# Libraries that write URLs, and with them credentials, at INFO.
_CHATTY = ("httpx", "httpcore", "aiohttp", "asyncio", "uvicorn", "keyring", "urllib3")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """`{"time", "level", "logger", "message", …}`: whatever is passed as `extra` becomes a field of its own."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": to_rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name.removeprefix("buildnet_cli."),
            "message": record.getMessage(),
        }
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD and name not in line}
        line.update(extra)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # The values, not the finished line: a mask in the middle of an escape would leave a line that is no JSON.
        # Field names are ours and stay, even when somebody's secret is "mess".
        return json.dumps({name: scrub_json(value) for name, value in line.items()}, ensure_ascii=False)


class _QuietFileHandler(logging.handlers.RotatingFileHandler):
    """Says once on stderr that the log cannot be written, and goes on: a full disk must not stop a delivery."""

    _has_failed = False

    def _open(self) -> TextIOWrapper:
        # Whoever the folder lets in, the diary is its owner's alone.
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        return TextIOWrapper(os.fdopen(handle, "ab"), encoding=self.encoding)

    def handleError(self, record: logging.LogRecord) -> None:
        if not self._has_failed:
            self._has_failed = True
            sys.stderr.write(f"buildnet-notify: the log {self.baseFilename} cannot be written: {scrub(str(sys.exc_info()[1]))}\n")


def to_file(path: Path, *, level: str, max_mb: int, keep: int) -> None:
    """Send the log to a file.

    level: debug, info, warning or error. max_mb: size in MiB at which a new file is begun. keep: how many old ones stay.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler: logging.Handler = _QuietFileHandler(path, maxBytes=max_mb << 20, backupCount=keep, encoding="utf-8")
    except OSError as exc:
        sys.stderr.write(f"buildnet-notify: the log {path} cannot be opened ({exc.strerror}); logging to stderr\n")
        handler = logging.StreamHandler()
    _install(handler, level)


def to_stream(stream: TextIO, *, level: str) -> None:
    """Send the log to a stream, for an agent in the foreground."""
    _install(logging.StreamHandler(stream), level)


def set_level(level: str) -> None:
    """Log from this level on: debug, info, warning or error."""
    logging.getLogger("buildnet_cli").setLevel(level.upper())


def _install(handler: logging.Handler, level: str) -> None:
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        with contextlib.suppress(OSError):  # a full disk refuses the last flush too
            old.close()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    set_level(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
