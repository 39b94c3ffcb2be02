"""`audit`: every command that was ever given, and the proof that the list is whole."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from buildnet_cli.cli.app import ExampleCommand, new_app
from buildnet_cli.cli.context import AppContext
from buildnet_cli.cli.output import Column, show_time

app = new_app(
    "Every command that was given, and the proof that none was changed or removed.", epilog="buildnet-notify audit verify"
)

_COLUMNS = [
    Column("SEQ", "seq"),
    Column("WHEN", "timestamp", show_time),
    Column("EVENT", "event_type"),
    Column("COMMAND", "command"),
    Column("CHANNEL", "source.channel"),
    Column("WHO", "source.identifier"),
    Column("RESULT", "result.status"),
]


@app.command("list", cls=ExampleCommand, epilog="buildnet-notify audit list -n 50")
def list_(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="How many.")] = 20,
    channel: Annotated[str | None, typer.Option(help="Only what came this way: socket, api, sms …")] = None,
) -> None:
    """Past commands and attempts, newest first."""
    from buildnet_cli.store import audit
    from buildnet_cli.store.database import open_readonly

    state: AppContext = ctx.obj
    with open_readonly(state.workspace.database) as db:
        page = audit.page(db, limit=limit, channel=channel)
    state.output.rows("audit", page.items, _COLUMNS, next_=page.next, empty="Nobody has given a command yet")


@app.command(cls=ExampleCommand, epilog="buildnet-notify audit verify")
def verify(ctx: typer.Context) -> None:
    """Check every entry. Exit 1 if one was changed or removed, with the first such.

    Where the chain had to begin anew because the database was damaged, it says so, and where the old one lies.
    """
    from buildnet_cli.commands import audit as chain
    from buildnet_cli.secrets.audit_seals import AuditSeals
    from buildnet_cli.secrets.vault import open_vault
    from buildnet_cli.store import audit
    from buildnet_cli.store.database import open_readonly

    state: AppContext = ctx.obj
    seals = AuditSeals(open_vault, state.workspace.audit_anchor)
    # Read before the rows: what is written in between is then newer than the anchor, which is no flaw.
    anchor = seals.read_anchor()
    with open_readonly(state.workspace.database) as db:
        count, under_way = audit.count(db), audit.executing(db)
        flaw = chain.verify(seals.key(), audit.entries(db), anchor, executing=under_way) if count or anchor else None
        remarks = [{"seq": entry.seq, "reason": entry.result["reason"]} for entry in audit.restarts(db)] if flaw is None else []
    found = {"seq": flaw.seq, "reason": flaw.reason} if flaw is not None else None
    whole = f"{count} entr{'y' if count == 1 else 'ies'}, all as they were written"
    text = f"first bad entry {flaw.seq}: {flaw.reason}" if flaw is not None else whole
    lines = [text, *(f"it begins anew with entry {remark['seq']}: {remark['reason']}" for remark in remarks)]
    result = {"ok": flaw is None, "entries": count, "first_bad": found, "restarts": remarks}
    state.output.result("audit-verify", result, "\n".join(lines))
    if flaw is not None:
        raise typer.Exit(1)


@app.command(cls=ExampleCommand, epilog="buildnet-notify audit export > audit.jsonl")
def export(ctx: typer.Context) -> None:
    """All entries, oldest first, a JSON object in each line."""
    from buildnet_cli.store import audit
    from buildnet_cli.store.database import open_readonly

    state: AppContext = ctx.obj
    with open_readonly(state.workspace.database) as db:
        for entry in audit.entries(db):
            sys.stdout.write(json.dumps(entry.as_wire(), ensure_ascii=False) + "\n")
