"""The program's own kind of Typer command: plain help with an example first, groups that load when they are called."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from buildnet_cli.errors import UnsupportedError
from buildnet_cli.errors import UsageError as WrongUsage

# Typer's public classes lead to the vendored ones that its own code raises and hands to us.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]

CONTEXT = {"help_option_names": ["-h", "--help"]}


PLANNED: Mapping[str, tuple[str, ...]] = {
    "buildnet-notify": ("man", "monitor", "nodes", "plugins", "report"),
    "buildnet-notify agent": ("install", "uninstall"),
}  # fmt: skip
"""Commands that are to come, by the group they will be in. They are not listed; whoever types one is told so."""


class ExamplesFirst:
    """Help that begins with the lines of the epilog, as examples."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        command: Any = self
        for line in (command.epilog or "").splitlines():
            formatter.write(f"  $ {line.strip()}\n")
        if command.epilog:
            formatter.write("\n")
        command.format_usage(ctx, formatter)
        command.format_help_text(ctx, formatter)
        command.format_options(ctx, formatter)


class ExampleCommand(ExamplesFirst, TyperCommand):
    """A command whose help begins with an example."""


class HelpWanted(WrongUsage):
    """Nothing was typed where a command belongs: the help is what there is to say."""

    def __init__(self, ctx: Any) -> None:
        super().__init__("a command is missing", hint=f"see: {ctx.command_path} --help")
        self._help = str(ctx.get_help())

    def report(self) -> str:
        return f"{self._help}\n"


class Group(ExamplesFirst, TyperGroup):
    """A group that shows its help when it is called alone, and says of a wrong word what was meant, or that it is to come."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        if not args and not ctx.resilient_parsing:
            raise HelpWanted(ctx)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0] if args else ""
        if name and not name.startswith("-") and self.get_command(ctx, name) is None:
            if name in PLANNED.get(ctx.command_path, ()):
                raise UnsupportedError(f"{name} is not supported yet", hint="the README says what is, and what comes next")
            near = difflib.get_close_matches(name[:80], self.list_commands(ctx), n=1, cutoff=0.7)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            raise UsageError(f'There is no command "{name[:80]}".{hint}', ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(limit=200)) for name, command in commands if command])


class LazyGroup(Group):
    """The top group: a command's module is imported when the command is called, not to list it."""

    modules: Mapping[str, tuple[str, str]] = {}
    """Command → (module, one line of help)."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.modules)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.modules:
            return None
        if cmd_name not in self.commands:
            module, _ = self.modules[cmd_name]
            loaded = typer.main.get_command(importlib.import_module(f"buildnet_cli.cli.{module}").app)
            loaded.name = cmd_name
            self.commands[cmd_name] = loaded
        return self.commands[cmd_name]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in self.modules.items()])


def new_app(help_: str = "", **options: Any) -> typer.Typer:
    """A Typer app with this program's manners."""
    return typer.Typer(
        cls=options.pop("cls", Group),
        help=help_,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=CONTEXT,
        **options,
    )


def single_command(**options: Any) -> Callable[[Callable[..., None]], typer.Typer]:
    """A decorator that makes a function the only command of its app: `app = single_command(…)(function)`."""

    def decorate(function: Callable[..., None]) -> typer.Typer:
        app = new_app()
        app.command(cls=ExampleCommand, context_settings={**CONTEXT, **options.pop("context_settings", {})}, **options)(function)
        return app

    return decorate
