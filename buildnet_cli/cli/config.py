"""`config`: check, read and change the configuration."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from buildnet_cli.cli.app import ExampleCommand, new_app
from buildnet_cli.cli.context import AppContext
from buildnet_cli.cli.exits import EXIT_OF
from buildnet_cli.cli.output import Column, Output, show_time
from buildnet_cli.errors import Kind, UnreachableError, UsageError

if TYPE_CHECKING:
    from buildnet_cli.config.edit import Change, Editor
    from buildnet_cli.config.loader import Loaded
    from buildnet_cli.config.problems import Problem

app = new_app("Check, read and change the configuration.", epilog="buildnet-notify config validate\nbuildnet-notify config edit")

Key = Annotated[
    str,
    typer.Argument(
        metavar="KEY", help="Such as notifications.settings.dedup_window_secs, or notifications.channels.webhooks[0].url."
    ),
]


@app.command(cls=ExampleCommand, epilog="buildnet-notify config validate\nbuildnet-notify config validate --format github")
def validate(
    ctx: typer.Context,
    file: Annotated[str | None, typer.Argument(metavar="[FILE|-]", help="Another file, or - for stdin.")] = None,
    format_: Annotated[str, typer.Option("--format", metavar="FORMAT", help="text, json, or github for annotations.")] = "text",
) -> None:
    """Every problem at once, each with its line. Exit 3 if there is an error; warnings are none."""
    from buildnet_cli.channels.registry import check
    from buildnet_cli.config.loader import load, load_text
    from buildnet_cli.config.problems import InvalidConfigError, Severity

    state: AppContext = ctx.obj
    if format_ not in ("text", "json", "github"):
        raise UsageError(f"{format_!a} is no format", hint="choose text, json or github", where="--format")
    path = state.config_file if file is None else Path(file)
    try:
        loaded = load_text(sys.stdin.read(), "stdin", state.lookup) if file == "-" else load(path, state.lookup)
        problems = [*loaded.problems, *check(loaded), *(_problems_beside(state, loaded) if file is None else ())]
    except InvalidConfigError as exc:
        problems = list(exc.problems)
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    _show_problems(state, problems, "json" if state.output.as_json else format_, name=str(path) if file != "-" else "stdin")
    raise typer.Exit(EXIT_OF[Kind.CONFIG] if errors else 0)


def _problems_beside(state: AppContext, loaded: Loaded) -> Sequence[Problem]:
    """What is wrong with the files that an agent with this configuration would read: the packages and the templates."""
    from dataclasses import replace

    from buildnet_cli.agent import templates
    from buildnet_cli.agent.wiring import written_project
    from buildnet_cli.config.problems import InvalidConfigError
    from buildnet_cli.engine.local.remarks import remarks
    from buildnet_cli.paths import from_here

    problems = templates.check(state.workspace.templates)
    try:
        written = written_project(state.workspace, loaded)
        problems += remarks(written) if written is not None else ()
    except InvalidConfigError as exc:
        problems += exc.problems
    return [replace(problem, file=str(from_here(Path(problem.file)))) for problem in problems]


@app.command(cls=ExampleCommand, epilog="buildnet-notify config show --origin")
def show(
    ctx: typer.Context, origin: Annotated[bool, typer.Option("--origin", help="Where each value was written.")] = False
) -> None:
    """The configuration in force, defaults included, secrets masked."""
    from buildnet_cli.config.view import shown

    state: AppContext = ctx.obj
    loaded = state.load_config()
    values = shown(loaded)
    if not origin:
        state.output.result("config", {"path": loaded.file, "values": values}, json.dumps(values, indent=2, ensure_ascii=False))
        return
    rows = [{"key": key, "value": value, "origin": place} for key, value, place in _with_origin(loaded, values)]
    columns = [Column("KEY", "key"), Column("VALUE", "value", _as_json), Column("WRITTEN", "origin")]
    state.output.rows("config-origin", rows, columns)


@app.command(cls=ExampleCommand, epilog="buildnet-notify config get notifications.settings.dedup_window_secs")
def get(ctx: typer.Context, key: Key) -> None:
    """One value, or one section."""
    from buildnet_cli.config.view import get as get_value

    state: AppContext = ctx.obj
    value = get_value(state.load_config(), key)
    state.output.result("config-value", {"key": key, "value": value}, value if isinstance(value, str) else _as_json(value))


@app.command(
    name="set",
    cls=ExampleCommand,
    epilog="buildnet-notify config set notifications.settings.dedup_window_secs 120",
    # A value may begin with a hyphen: the id of a Telegram group does.
    context_settings={"ignore_unknown_options": True},
)
def set_(ctx: typer.Context, key: Key, value: Annotated[str, typer.Argument(metavar="VALUE", help="As YAML.")]) -> None:
    """Change one value. Comments stay; a change that would not load is refused."""
    state: AppContext = ctx.obj
    _report(state, _editor(state).set_value(key, value))


@app.command(cls=ExampleCommand, epilog="EDITOR=nano buildnet-notify config edit")
def edit(ctx: typer.Context) -> None:
    """Open the file in $VISUAL or $EDITOR; the result is taken over only if it loads."""
    from buildnet_cli.cli.editor import edit_text
    from buildnet_cli.config.source import read_source

    state: AppContext = ctx.obj
    if not state.options.may_ask:
        raise UsageError("an editor needs a terminal", hint="buildnet-notify config set KEY VALUE")
    before = read_source(state.workspace.config).text if state.workspace.config.exists() else ""
    after = edit_text(before, suffix=".yaml")
    if after == before:
        state.output.say("Nothing was changed")
        return
    _report(state, _editor(state).replace(after))


@app.command(cls=ExampleCommand, epilog="buildnet-notify config path")
def path(ctx: typer.Context) -> None:
    """Which file is read."""
    state: AppContext = ctx.obj
    config = state.workspace.config
    state.output.result("config-path", {"path": str(config), "exists": config.exists()}, str(config))


@app.command(cls=ExampleCommand, epilog="buildnet-notify config schema > notifications.schema.json")
def schema(ctx: typer.Context) -> None:
    """The JSON Schema of the file, for editors."""
    from buildnet_cli.config.schema import json_schema

    state: AppContext = ctx.obj
    found = json_schema()
    state.output.result("config-schema", {"json_schema": found}, json.dumps(found, indent=2, ensure_ascii=False))


@app.command(cls=ExampleCommand, epilog="buildnet-notify config sample --full")
def sample(
    ctx: typer.Context, full: Annotated[bool, typer.Option("--full", help="Every key, with its default.")] = False
) -> None:
    """A configuration with comments, to start from."""
    from buildnet_cli.config.schema import sample as sample_text

    state: AppContext = ctx.obj
    text = sample_text(full=full)
    state.output.result("config-sample", {"text": text}, text.rstrip("\n"))


@app.command(cls=ExampleCommand, epilog="buildnet-notify config history")
def history(ctx: typer.Context) -> None:
    """The versions that can be brought back, newest first."""
    from buildnet_cli.clock import to_rfc3339
    from buildnet_cli.config.history import History

    state: AppContext = ctx.obj
    versions = History.of_state(state.workspace.state).versions()
    rows = [
        {"version": version.number, "saved_at": to_rfc3339(version.saved_at), "path": str(version.path)} for version in versions
    ]
    columns = [Column("VERSION", "version"), Column("SAVED", "saved_at", show_time), Column("FILE", "path")]
    state.output.rows("config-history", rows, columns, empty="No versions yet; each change keeps one")


@app.command(cls=ExampleCommand, epilog="buildnet-notify config rollback 3")
def rollback(ctx: typer.Context, version: Annotated[int, typer.Argument(help="A number of `config history`.")]) -> None:
    """Bring a version back, as the newest one."""
    state: AppContext = ctx.obj
    _report(state, _editor(state).rollback(version))


def _editor(state: AppContext) -> Editor:
    from buildnet_cli.config.edit import Editor
    from buildnet_cli.config.history import History
    from buildnet_cli.paths import prepare_state

    prepare_state(state.workspace.state)
    return Editor(state.config_file, History.of_state(state.workspace.state), state.lookup)


def _report(state: AppContext, change: Change) -> None:
    """Say what changed, and hand it to the agent if one runs."""
    from buildnet_cli.config.history import diff

    changed = diff(change.before, change.after, before_name="before", after_name="now")
    try:
        state.agent.post("/api/agent/reload")
        effect = "in force"
    except UnreachableError:
        effect = "in force with the next agent start"
    text = f"{changed}version {change.version.number}, {effect}" if changed else "Nothing was changed"
    state.output.result("config-change", {"version": change.version.number, "changed": bool(changed), "diff": changed}, text)


def _show_problems(state: AppContext, problems: list[Problem], format_: str, *, name: str) -> None:
    from buildnet_cli.config.problems import Severity, as_github, as_text

    if format_ == "json":
        ok = not any(problem.severity is Severity.ERROR for problem in problems)
        Output(as_json=True).result(
            "config-problems", {"ok": ok, "items": [problem.as_dict() for problem in problems], "next": None}
        )
        return
    sys.stdout.write(as_github(problems) if format_ == "github" else as_text(problems))
    if format_ == "text":
        state.output.say(_summary(problems, name))


def _summary(problems: list[Problem], name: str) -> str:
    name = ", ".join(dict.fromkeys(problem.file for problem in problems)) or name
    counts: dict[str, int] = {}
    for problem in problems:
        counts[problem.severity.value] = counts.get(problem.severity.value, 0) + 1
    found = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for word, count in counts.items())
    return f"{name}: {found or 'no problems'}"


def _with_origin(loaded: Any, values: dict[str, Any]) -> list[tuple[str, Any, str]]:
    from buildnet_cli.config.origin import dotted, leaves

    return [(dotted(path), value, loaded.origins.origin_of(path) or "default") for path, value in leaves(values)]


def _as_json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
