"""`history`: what has been, read from the database itself, so that it works without an agent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from buildnet_cli.cli.app import single_command
from buildnet_cli.cli.context import AppContext
from buildnet_cli.cli.output import Column, show_millis, show_time
from buildnet_cli.clock import from_rfc3339, to_rfc3339
from buildnet_cli.duration import parse_duration
from buildnet_cli.errors import NotFoundError, UsageError

_KINDS = ("builds", "events", "commands")
_WITHOUT = {"builds": ("--type",), "events": (), "commands": ("--type", "--since", "--package")}
"""The options that narrow nothing down there; silence would be taken for an answer."""


@single_command(
    epilog="buildnet-notify history\n"
    "buildnet-notify history events --since 2h --type 'build.*'\n"
    "buildnet-notify history show build_01…"
)
def app(
    ctx: typer.Context,
    what: Annotated[
        list[str] | None, typer.Argument(metavar="[builds|events|commands] | show ID", help="What to look at.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="How many.")] = 20,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="From when on: 2h, 7d, or 2024-01-26T09:00:00Z.")] = None,
    package: Annotated[str | None, typer.Option("--package", "-p", help="Only this package, or subject.")] = None,
    type_: Annotated[str | None, typer.Option("--type", metavar="PATTERN", help="Only events of this pattern.")] = None,
) -> None:
    """Past builds, events or commands, newest first; `show` for one of them in full."""
    state: AppContext = ctx.obj
    words = what or ["builds"]
    words = words[1:] if len(words) > 1 and words[0] in _KINDS else words
    if words[0] == "show":
        if len(words) != 2:
            raise UsageError("name one thing to show", hint="buildnet-notify history show ID")
        _show(state, words[1])
        return
    if len(words) != 1 or words[0] not in _KINDS:
        raise UsageError(f"{ascii(' '.join(words))[:80]} is no history", hint=f"choose {', '.join(_KINDS)}, or show ID")
    given = {"--type": type_, "--since": since, "--package": package}
    for option in _WITHOUT[words[0]]:
        if given[option] is not None:
            raise UsageError(f"{option} does not go with {words[0]}", hint="see: buildnet-notify history --help", where=option)
    _list(state, words[0], limit=limit, since=_read_since(since), subject=package, pattern=type_)


def _list(state: AppContext, kind: str, *, limit: int, since: str | None, subject: str | None, pattern: str | None) -> None:
    from buildnet_cli.store import history
    from buildnet_cli.store.database import open_readonly
    from buildnet_cli.store.page import Page

    page: Page[dict[str, Any]] = Page([], None)
    if state.workspace.database.exists():
        with open_readonly(state.workspace.database) as db:
            if kind == "builds":
                page = history.builds(db, limit=limit, since=since, package=subject)
            elif kind == "events":
                page = history.events(db, limit=limit, since=since, subject=subject, pattern=pattern)
            else:
                page = history.commands(db, limit=limit)
    empty = f"No {kind} match" if since or subject or pattern else f"No {kind} yet"
    state.output.rows(kind, page.items, _COLUMNS[kind], next_=page.next, empty=empty)


def _show(state: AppContext, id_: str) -> None:
    from buildnet_cli.store import history
    from buildnet_cli.store.database import open_readonly

    with open_readonly(state.workspace.database) as db:
        found = history.find(db, id_)
    if found is None:
        raise NotFoundError(f"there is no build, event or command {ascii(id_)[:80]}", hint="see: buildnet-notify history")
    kind, entry = found
    if kind == "build":
        entry = {**entry, "log": _log_of(state, entry["id"])}
    state.output.result(kind, entry, _as_text(_without_tail(entry)))


def _log_of(state: AppContext, build_id: str) -> str | None:
    try:
        return (state.workspace.builds / build_id / "output.log").read_text("utf-8", errors="replace")
    except OSError:
        return None


def _without_tail(entry: dict[str, Any]) -> dict[str, Any]:
    """The same without the end of the log, if the log itself follows."""
    return {**entry, "error": {**entry["error"], "tail": ""}} if entry.get("log") and entry.get("error") else entry


def _as_text(entry: dict[str, Any]) -> str:
    lines = []
    for name, value in entry.items():
        if value is None or value is False or value in ("", {}, []):
            continue
        if isinstance(value, dict):
            lines.append(f"{name}:")
            lines += [f"  {key}: {_indented(part)}" for key, part in value.items() if part not in (None, "", {}, [], 0)]
        else:
            lines.append(f"{name}: {_indented(value)}")
    return "\n".join(lines)


def _indented(value: Any) -> str:
    text = ", ".join(value) if isinstance(value, list) and all(isinstance(part, str) for part in value) else str(value)
    return text if "\n" not in text else "\n    " + text.rstrip("\n").replace("\n", "\n    ")


def _read_since(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return to_rfc3339(datetime.now(UTC) - parse_duration(text))
    except ValueError:
        pass
    try:
        return to_rfc3339(from_rfc3339(text))
    except ValueError:
        raise UsageError(f"--since {ascii(text)[:80]} is no time", hint="write it as 2h, 7d or 2024-01-26T09:00:00Z") from None


_COLUMNS = {
    "builds": [
        Column("WHEN", "queued_at", show_time),
        Column("PACKAGE", "package"),
        Column("STATUS", "status"),
        Column("TOOK", "duration_ms", show_millis),
        Column("TIER", "tier"),
        Column("WHY", "error.headline"),
        Column("ID", "id"),
    ],
    "events": [
        Column("WHEN", "timestamp", show_time),
        Column("PRIORITY", "priority"),
        Column("TYPE", "type"),
        Column("SUBJECT", "subject"),
        Column("MESSAGE", "message"),
        Column("ID", "id"),
    ],
    "commands": [
        Column("WHEN", "timestamp", show_time),
        Column("STATUS", "status"),
        Column("BY", "principal"),
        Column("COMMAND", "command"),
        Column("ANSWER", "message"),
        Column("ID", "request_id"),
    ],
}
