"""`doctor`: every check with its fact and what to do about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import typer

from buildnet_cli.cli.app import single_command
from buildnet_cli.cli.check import Check
from buildnet_cli.cli.context import AppContext
from buildnet_cli.cli.doctor_channels import check_channels
from buildnet_cli.errors import BuildNetError, NotFoundError, UnreachableError

_TROUBLES = ("failing", "held", "gone", "refusing")


@single_command(epilog="buildnet-notify doctor")
def app(ctx: typer.Context) -> None:
    """Look at the configuration, the agent, the channels and the database. Exit 1 if a check failed."""
    state: AppContext = ctx.obj
    checks = [_configuration(state), _agent(state), *check_channels(state), *_database(state)]
    failed = sum(check.result == "failed" for check in checks)
    lines = [_line(check) for check in checks]
    lines.append("all is well" if not failed else f"{failed} of {len(checks)} checks failed")
    state.output.result(
        "doctor", {"ok": not failed, "items": [asdict(check) for check in checks], "next": None}, "\n".join(lines)
    )
    if failed:
        raise typer.Exit(1)


def _configuration(state: AppContext) -> Check:
    try:
        loaded = state.load_config()
    except BuildNetError as exc:
        return Check("configuration", "failed", exc.message, exc.hint or "buildnet-notify config validate")
    targets = len(loaded.config.notifications.all_recipients())
    fact = f"{loaded.file}: {targets} recipient{'' if targets == 1 else 's'}, {_remarks(len(loaded.problems))}"
    if not targets:
        return Check("configuration", "note", fact, "nobody is to hear anything: buildnet-notify config edit")
    return Check("configuration", "ok", fact, "see them: buildnet-notify config validate" if loaded.problems else "")


def _remarks(count: int) -> str:
    return f"{count} remark{'' if count == 1 else 's'}" if count else "no remarks"


def _agent(state: AppContext) -> Check:
    try:
        status = state.agent.get("/api/status")
    except UnreachableError as exc:
        return Check("agent", "note", f"{exc.message}: nothing is sent or scheduled", "buildnet-notify agent start")
    except BuildNetError as exc:
        return Check("agent", "failed", exc.message, exc.hint)
    fact = f"{status['state']}, pid {status['pid']}, version {status['version']}"
    troubles = [f"{channel['name']} {channel['state']}" for channel in status["channels"] if channel["state"] in _TROUBLES]
    if troubles:
        return Check("agent", "failed", f"{fact}; {', '.join(troubles)}", "buildnet-notify status says why")
    if status["trouble"]:
        return Check("agent", "failed", f"{fact}; {status['trouble']}", "buildnet-notify agent logs")
    if status["config"]["is_stale"]:
        return Check("agent", "note", f"{fact}; the configuration has changed on disk", "buildnet-notify agent reload")
    return Check("agent", "ok", fact)


def _database(state: AppContext) -> list[Check]:
    from buildnet_cli.store import deliveries, unreadable
    from buildnet_cli.store.database import open_readonly

    path = state.workspace.database
    try:
        with open_readonly(path) as db:
            (answer,) = db.execute("PRAGMA quick_check(1)").fetchone()
            conservation, set_aside = deliveries.conservation(db), unreadable.count(db)
    except NotFoundError as exc:
        return [Check("database", "note", exc.message, exc.hint)]
    except BuildNetError as exc:
        return [Check("database", "failed", exc.message, exc.hint)]
    sound = Check("database", "ok", f"{path}: sound")
    if answer != "ok":
        sound = Check(
            "database", "failed", f"{path}: {answer}", "buildnet-notify agent restart puts it aside and takes over what waits"
        )
    return [sound, *_unreadable(set_aside), _conservation(conservation)]


def _unreadable(count: int) -> list[Check]:
    """What was set aside because nobody can tell any more what it was."""
    if not count:
        return []
    fact = f"{count} deliver{'y' if count == 1 else 'ies'} could not be read and {'was' if count == 1 else 'were'} given up"
    return [Check("deliveries", "note", fact, "see which: buildnet-notify deliveries list --failed; then look at the disk")]


def _conservation(conservation: Any) -> Check:
    """Accepted must be the sum of all states: else something was lost."""
    counts = ", ".join(f"{count} {status.value}" for status, count in conservation.counts.items() if count) or "none"
    fact = f"{conservation.accepted} deliveries accepted = {counts}"
    if conservation.difference:
        return Check("conservation", "failed", f"{fact}; {conservation.difference} missing", "report it, with the agent's log")
    return Check("conservation", "ok", fact)


def _line(check: Check) -> str:
    line = f"{check.result:<8}{check.name:<18}{check.fact}"
    return f"{line}\n{'':<8}→ {check.fix}" if check.fix else line
