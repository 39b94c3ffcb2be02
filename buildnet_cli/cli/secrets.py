"""`secrets`: keep the values behind `${NAME}`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from buildnet_cli.cli.app import ExampleCommand, new_app
from buildnet_cli.cli.context import AppContext
from buildnet_cli.cli.exits import EXIT_OF
from buildnet_cli.cli.output import Column, show_time
from buildnet_cli.errors import Kind, UsageError

_STORES = {"keyring": "keyring", "file": "encrypted file"}
"""As people call them."""

app = new_app(
    "Keep the values behind ${NAME} out of the configuration.",
    epilog="buildnet-notify secrets set SLACK_WEBHOOK_URL\nbuildnet-notify secrets check",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="As in ${NAME}.")]


@app.command(
    name="set",
    cls=ExampleCommand,
    epilog="buildnet-notify secrets set SLACK_BOT_TOKEN < token.txt",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def set_(ctx: typer.Context, name: Name) -> None:
    """Store a value, typed at a hidden prompt or given on stdin; never as an argument, which others could read."""
    from buildnet_cli.secrets.vault import check_name

    state: AppContext = ctx.obj
    if ctx.args:
        # Whatever it is, it is not repeated: it may be the value itself.
        raise UsageError(
            "a value is not taken as an argument, where others can read it; if it was one, choose a new one",
            hint=f"buildnet-notify secrets set {name}, and type it there"
            if name.isupper() and name.isidentifier()
            else "see: buildnet-notify secrets set --help",
        )
    check_name(name)
    info = state.vault.set(name, _read_value(state, name))
    stored = {"name": info.name, "store": info.store.value}
    state.output.result(
        "secret",
        stored,
        f"{name} stored in the {_STORES[stored['store']]}; take it over with: buildnet-notify agent reload",
    )


@app.command(name="list", cls=ExampleCommand, epilog="buildnet-notify secrets list")
def list_(ctx: typer.Context) -> None:
    """Names, never values."""
    from buildnet_cli.clock import to_rfc3339

    state: AppContext = ctx.obj
    rows = [{"name": info.name, "store": info.store.value, "set_at": to_rfc3339(info.set_at)} for info in state.vault.names()]
    columns = [Column("NAME", "name"), Column("STORE", "store"), Column("SET", "set_at", show_time)]
    state.output.rows("secrets", rows, columns, empty="No secrets yet · buildnet-notify secrets set NAME")


@app.command(cls=ExampleCommand, epilog="buildnet-notify secrets check")
def check(ctx: typer.Context) -> None:
    """Where each name that the configuration uses comes from. Exit 1 if one cannot be read."""
    import os

    from buildnet_cli.config.loader import names_used
    from buildnet_cli.secrets.environment import Origin, resolve

    state: AppContext = ctx.obj
    resolutions = resolve(names_used(state.workspace.config), os.environ, state.vault)
    rows = [{"name": found.name, "origin": found.origin.value, "problem": found.problem} for found in resolutions]
    columns = [Column("NAME", "name"), Column("FROM", "origin"), Column("PROBLEM", "problem")]
    state.output.rows("secrets-check", rows, columns, empty="The configuration uses no names")
    missing = [found.name for found in resolutions if found.origin is Origin.MISSING or found.problem]
    if missing:
        state.output.note(f"set what is missing: buildnet-notify secrets set {missing[0]}")
        raise typer.Exit(EXIT_OF[Kind.FAILED])


@app.command(
    name="import", cls=ExampleCommand, epilog="buildnet-notify secrets import\nbuildnet-notify secrets import --from-env"
)
def import_(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]…", help="With --from-env: which; all that are used otherwise.")
    ] = None,
    from_env: Annotated[bool, typer.Option("--from-env", help="Copy values from the environment instead.")] = False,
) -> None:
    """Move credentials out of the configuration into the store, and put ${NAME} in their place."""
    state: AppContext = ctx.obj
    if names and not from_env:
        raise UsageError("names are for --from-env; without it everything in the file is moved")
    rows = _import_from_environment(state, names) if from_env else _import_from_file(state)
    state.output.rows("secrets", rows, [Column("NAME", "name"), Column("STORE", "store")], empty="Nothing to import")


def _import_from_environment(state: AppContext, names: list[str] | None) -> list[dict[str, Any]]:
    import os

    from buildnet_cli.config.loader import names_used
    from buildnet_cli.secrets.environment import import_names

    wanted = names or [name for name in names_used(state.workspace.config) if os.environ.get(name)]
    return [{"name": info.name, "store": info.store.value} for info in import_names(wanted, os.environ, state.vault)]


def _import_from_file(state: AppContext) -> list[dict[str, Any]]:
    """Store first, then change the file, then drop the versions that still hold the values."""
    from buildnet_cli.config.edit import Editor
    from buildnet_cli.config.history import History
    from buildnet_cli.config.literals import names_of
    from buildnet_cli.paths import prepare_state

    loaded = state.load_config()
    names = names_of(loaded)
    if not names:
        return []
    prepare_state(state.workspace.state)
    infos = [state.vault.set(name, loaded.literals[path]) for path, name in names.items()]
    history = History.of_state(state.workspace.state)
    editor = Editor(state.workspace.config, history, state.lookup)
    change = editor.set_values({path: f"${{{name}}}" for path, name in names.items()})
    history.forget(change.version)
    return [{"name": info.name, "store": info.store.value} for info in infos]


@app.command(cls=ExampleCommand, epilog="buildnet-notify secrets delete SLACK_BOT_TOKEN")
def delete(ctx: typer.Context, name: Name) -> None:
    """Remove a value from the store that has it."""
    state: AppContext = ctx.obj
    state.vault.delete(name)
    state.output.result("secret", {"name": name, "store": None}, f"{name} deleted")


def _read_value(state: AppContext, name: str) -> str:
    if state.options.may_ask:
        return str(typer.prompt(f"Value of {name}", hide_input=True, err=True))
    value = sys.stdin.read()
    # A file or an echo ends with a line break that is not part of the value.
    return value.removesuffix("\n").removesuffix("\r")
