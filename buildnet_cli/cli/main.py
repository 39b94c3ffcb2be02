"""The program: its commands, its global options, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from buildnet_cli.cli.app import CONTEXT, LazyGroup, UsageError
from buildnet_cli.cli.context import AppContext, GlobalOptions
from buildnet_cli.cli.exits import EXIT_OF, INTERRUPTED, READER_GONE
from buildnet_cli.cli.options import split_global_options
from buildnet_cli.cli.output import Output
from buildnet_cli.errors import BuildNetError, StorageError
from buildnet_cli.errors import UsageError as WrongUsage
from buildnet_cli.redact import scrub


class Commands(LazyGroup):
    """Every command of the program, with the module it lives in."""

    modules = {  # noqa: RUF012  (read only)
        "demo": ("demo", "A full tour on this machine: a build that fails, and what each recipient was told."),
        "init": ("init", "Write a configuration for this project."),
        "doctor": ("doctor", "Check the configuration, the agent, the channels and the database."),
        "agent": ("agent", "Start, stop and look after the background agent."),
        "status": ("status", "What the engine, the queue and the deliveries do now."),
        "send-test": ("send_test", "Send a test message and show what each provider said."),
        "emit": ("emit", "Hand in an event."),
        "run": ("run", "Run a command and report it as a build."),
        "cmd": ("cmd", 'Give a command, such as "BUILD api".'),
        "history": ("history", "Past builds, events and commands."),
        "tail": ("tail", "Events as they come."),
        "why": ("why", "What became of an event, for whom, and by which line of the configuration."),
        "route": ("route", "Try the routing without sending anything."),
        "mute": ("mute", "Keep events quiet for a while."),
        "deliveries": ("deliveries", "Where every message stands, and what to do about it."),
        "channels": ("channels", "The channels: on or off, who hears through them, whether they deliver."),
        "audit": ("audit", "Every command that was given, and the proof that the list is whole."),
        "config": ("config", "Check, read and change the configuration."),
        "secrets": ("secrets", "Keep the values behind ${NAME} out of the configuration."),
        "sandbox": ("sandbox", "A local inbox that stands in for the providers."),
        "completion": ("completion_commands", "TAB completion for bash, zsh and fish."),
        "version": ("version", "The version of this program."),
        "web": ("not_yet", "The web page."),
    }


app = typer.Typer(
    cls=Commands,
    epilog='buildnet-notify demo\nbuildnet-notify init\nbuildnet-notify agent start\nbuildnet-notify cmd "BUILD" --wait',
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
)


def _show_version(ctx: typer.Context, is_wanted: bool) -> None:
    if is_wanted:
        from buildnet_cli.cli.version import show

        show(ctx.obj)
        raise typer.Exit


@app.callback()
def buildnet_notify(
    config: Annotated[Path | None, typer.Option(help="The configuration file.", metavar="FILE")] = None,
    project: Annotated[Path | None, typer.Option(help="The folder that holds .buildnet/.", metavar="DIR")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors.")] = False,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, show_default=False, help="More detail; -vv shows tracebacks.")
    ] = 0,
    color: Annotated[str, typer.Option(help="auto, always or never.", metavar="WHEN")] = "auto",
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask.")] = False,
    version: Annotated[
        bool, typer.Option("--version", "-V", help="The version, and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Tell the right person what their builds and machines do, and take a command back.

    These options may stand before or after the command.
    """


def main() -> None:
    """Run the program with the arguments of the process, and exit."""
    sys.exit(run(sys.argv[1:]))


def run(argv: list[str]) -> int:
    """Run the program; the exit code."""
    _fill_closed_streams()
    output, verbosity = Output(as_json="--json" in argv), 0
    try:
        options, rest = split_global_options(argv)
        context = AppContext(options)
        output, verbosity = context.output, options.verbosity
        code = _invoke(rest, context)
        sys.stdout.flush()
        return code
    except BuildNetError as exc:
        return _fail(output, exc, verbosity)
    except UsageError as exc:
        return _fail(output, _as_usage(exc), verbosity)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        _let_go_of_stdout()
        return READER_GONE
    except OSError as exc:
        if exc.filename is None:
            _let_go_of_stdout()
        return _fail(output, _as_refused(exc), verbosity)
    except Exception as exc:  # noqa: BLE001  (nobody but a developer wants to see a traceback)
        return _fail(output, _as_unexpected(exc), verbosity)


def _fill_closed_streams() -> None:
    """Whoever starts us without stdin, stdout or stderr, as some daemons do, gets a program that reads and writes nothing."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  (it stays open while we run)


def _invoke(args: list[str], context: AppContext) -> int:
    # Not through the command's own `main`, which ends the process itself when the reader of its output has gone.
    command = typer.main.get_command(app)
    try:
        with command.make_context("buildnet-notify", args, obj=context) as invocation:
            command.invoke(invocation)
    except typer.Exit as exc:
        return exc.exit_code
    return 0


def _let_go_of_stdout() -> None:
    """What could not be written must not be tried again when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(output: Output, error: BuildNetError, verbosity: int) -> int:
    code = EXIT_OF[error.kind]
    output.error(error, code)
    if verbosity > 1:
        import traceback

        sys.stderr.write(scrub("".join(traceback.format_exception(error))))
    return code


def _as_refused(error: OSError) -> BuildNetError:
    what = error.filename if error.filename is not None else "the answer"
    return StorageError(f"{what} cannot be read or written ({(error.strerror or 'refused').lower()})")


def _as_unexpected(error: Exception) -> BuildNetError:
    """A mistake of ours, told in a sentence; -vv shows where."""
    unexpected = BuildNetError(
        f"something unexpected happened: {type(error).__name__}: {error}"[:500],
        hint="run it again with -vv, and report what it prints",
    )
    unexpected.__cause__ = error
    return unexpected


def _as_usage(error: Exception) -> BuildNetError:
    """A usage error of Typer's in our words."""
    context = getattr(error, "ctx", None)
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    sentence, _, hint = message.rstrip().partition(" Did you mean ")
    path = context.command_path if context is not None else "buildnet-notify"
    return WrongUsage(sentence.rstrip("."), hint=f"did you mean {hint}" if hint else f"see: {path} --help")


__all__ = ["GlobalOptions", "app", "main", "run"]
