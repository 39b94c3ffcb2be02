"""Whether a BuildNet daemon serves a project; asked before anything is built.

Nearly always nothing listens there, so what it takes to ask is loaded only when something does.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from buildnet_cli.errors import UnreachableError
from buildnet_cli.net.http import HttpClient

_CONNECT_SECS = 1.0
_ANSWER_SECS = 3.0


async def serves(http: HttpClient, url: str, root: Path) -> bool:
    """Whether the daemon of this project answers there; never raises. root: resolved."""
    if not await _listens(url):
        return False
    from buildnet_cli.engine.buildnetd.client import BuildnetdClient

    try:
        async with asyncio.timeout(_ANSWER_SECS):
            status = await BuildnetdClient(http, url).status()
    except (UnreachableError, TimeoutError):
        return False
    told = Path(status.project_root)
    if told.is_absolute():
        return is_same_folder(told, root)
    # It tells what its configuration says, which is usually "."; that is relative to where it was started.
    folder = await asyncio.to_thread(_folder_of, url)
    return folder is not None and is_same_folder(folder / told, root)


def is_same_folder(told: Path, root: Path) -> bool:
    """Whether a path that a daemon tells is a folder of ours."""
    try:
        return told.resolve() == root
    except (OSError, RuntimeError):  # RuntimeError: symlinks in a circle
        return False


async def _listens(url: str) -> bool:
    parts = urlsplit(url)
    if not parts.hostname:
        return False
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(_CONNECT_SECS):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _folder_of(url: str) -> Path | None:
    from buildnet_cli.engine.buildnetd.children import find_daemon, folder_of

    daemon = find_daemon(url)
    return folder_of(daemon) if daemon is not None else None
