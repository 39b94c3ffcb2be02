"""Commands of the specification whose subject this version does not have: nodes, plugins and reports.

What there is of them is told truthfully: there are none. The rest is permitted and confirmed as it will be, and then refused
with UnsupportedError, or with UsageError if it would make no sense even then.
"""

from __future__ import annotations

import re
from typing import NoReturn
from urllib.parse import urlsplit

from buildnet_cli.commands.model import Context, Level, Reply
from buildnet_cli.commands.registry import command
from buildnet_cli.errors import UnsupportedError, UsageError
from buildnet_cli.net.address import read_address

_PERIODS = ("daily", "weekly", "monthly")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@command("NODE LIST", level=Level.READ)
async def node_list(ctx: Context, words: tuple[str, ...]) -> Reply:
    """List the machines that build."""
    return Reply("No nodes: everything is built on this machine", {"nodes": []})


@command("NODE ADD", "url", level=Level.ADMIN)
async def node_add(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Add a machine that builds (not supported yet)."""
    try:
        url = urlsplit(words[0])
    except ValueError:
        url = urlsplit("")
    if url.scheme not in ("http", "https") or not url.hostname:
        raise UsageError(f"{ascii(words[0])[:80]} is no url of a node", hint="write it as NODE ADD https://node.example.com:9876")
    address = read_address(url.hostname)
    if address is not None and address.is_link_local:
        raise UsageError(f"{url.hostname} is the address of no node", hint="name a machine of yours")
    _refuse("nodes", "every package is built on this machine")


async def would_remove_node(ctx: Context, words: tuple[str, ...]) -> Reply:
    """What NODE REMOVE would do."""
    _check_name(words[0], "id of a node")
    return Reply(f"remove the node {words[0]}")


@command("NODE REMOVE", "id", level=Level.ADMIN, preview=would_remove_node)
async def node_remove(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Remove a machine that builds (not supported yet)."""
    _check_name(words[0], "id of a node")
    _refuse("nodes", "there are none to remove")


@command("PLUGIN LIST", level=Level.READ)
async def plugin_list(ctx: Context, words: tuple[str, ...]) -> Reply:
    """List the plugins that are loaded."""
    return Reply("No plugins are loaded", {"plugins": []})


@command("PLUGIN LOAD", "name", level=Level.ADMIN)
async def plugin_load(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Load a plugin (not supported yet)."""
    _check_name(words[0], "name of a plugin")
    _refuse("plugins", f"{words[0]} has not been loaded")


async def would_unload_plugin(ctx: Context, words: tuple[str, ...]) -> Reply:
    """What PLUGIN UNLOAD would do."""
    _check_name(words[0], "name of a plugin")
    return Reply(f"unload the plugin {words[0]}")


@command("PLUGIN UNLOAD", "name", level=Level.ADMIN, preview=would_unload_plugin)
async def plugin_unload(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Unload a plugin (not supported yet)."""
    _check_name(words[0], "name of a plugin")
    _refuse("plugins", "none is loaded")


@command("REPORT", "[period]", level=Level.READ)
async def report(ctx: Context, words: tuple[str, ...]) -> Reply:
    """Report on a period: daily, weekly or monthly (not supported yet)."""
    if words and words[0].lower() not in _PERIODS:
        raise UsageError(f"{ascii(words[0])[:80]} is no period", hint=f"write it as REPORT and one of {', '.join(_PERIODS)}")
    _refuse("reports", "HISTORY shows the last builds")


def _check_name(word: str, what: str) -> None:
    if not _NAME.fullmatch(word):
        raise UsageError(f"{ascii(word)[:80]} is no {what}", hint="use letters, digits, '.', '_' and '-'")


def _refuse(what: str, instead: str) -> NoReturn:
    raise UnsupportedError(f"{what} are not supported yet; {instead}", hint="send HELP for the list")
