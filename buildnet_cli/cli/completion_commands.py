"""`completion`: the scripts for TAB."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from buildnet_cli.cli.app import ExampleCommand, new_app
from buildnet_cli.cli.context import AppContext
from buildnet_cli.errors import UsageError

app = new_app("TAB completion for bash, zsh and fish.", epilog="buildnet-notify completion install")

SHELLS = ("bash", "zsh", "fish")


def _add_script_command(shell: str) -> None:
    @app.command(name=shell, cls=ExampleCommand, help=f"Print the script for {shell}.", epilog=_EXAMPLES[shell])
    def print_script(ctx: typer.Context) -> None:
        from buildnet_cli.cli.completion import script

        state: AppContext = ctx.obj
        text = script(shell)
        if state.output.as_json:
            state.output.result("completion", {"shell": shell, "script": text})
        else:
            typer.echo(text, nl=False)


_EXAMPLES = {
    "bash": "source <(buildnet-notify completion bash)",
    "zsh": 'buildnet-notify completion zsh > "${fpath[1]}/_buildnet-notify"',
    "fish": "buildnet-notify completion fish | source",
}

for _shell in SHELLS:
    _add_script_command(_shell)


@app.command(cls=ExampleCommand, epilog="buildnet-notify completion install")
def install(
    ctx: typer.Context,
    shell: Annotated[str | None, typer.Argument(help="bash, zsh or fish; the one you use otherwise.")] = None,
) -> None:
    """Put the script where the shell looks for it. No file of yours is edited."""
    from buildnet_cli.cli import completion

    state: AppContext = ctx.obj
    wanted = shell or Path(os.environ.get("SHELL", "")).name
    if wanted not in SHELLS:
        raise UsageError(f"{wanted!a} is no shell with completion here", hint=f"name one: {', '.join(SHELLS)}")
    path = completion.install(wanted, Path.home())
    hint = completion.next_step(wanted, path)
    text = f"wrote {path}; it works in the next shell" + (f"\n{hint}" if hint else "")
    state.output.result("completion", {"shell": wanted, "path": str(path), "next_step": hint}, text)
