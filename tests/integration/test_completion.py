"""TAB, pressed in real shells."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildnet_cli.cli import completion
from tests.support.skips import needs_program
from tests.support.terminal import Terminal

pytestmark = [pytest.mark.integration, needs_program("tmux")]

PROMPT = "ready>"

# How each shell starts without its owner's settings, and with the installed script.
STARTS = {
    "bash": (["bash", "--noprofile", "--rcfile", "{rc}", "-i"], "PS1='ready> '; bind 'set bell-style none'; source {script}\n"),
    "zsh": (
        ["zsh", "-d", "-i"],
        "PS1='ready> '; fpath=({script.parent} $fpath); autoload -Uz compinit; compinit -D -u; setopt no_beep\n",
    ),
    "zsh sourced": (
        ["zsh", "-d", "-i"],
        "PS1='ready> '; autoload -Uz compinit; compinit -D -u; setopt no_beep; source {script}\n",
    ),
    "fish": (["fish", "-i"], "function fish_prompt; echo -n 'ready> '; end; set -g fish_greeting\n"),
}
RC = {"bash": "bashrc", "zsh": ".zshrc", "zsh sourced": ".zshrc", "fish": ".config/fish/config.fish"}


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """Both names of the program, as they would be on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("buildnet-notify", "bnn"):
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m buildnet_cli "$@"\n')
        path.chmod(0o755)
    return folder


@pytest.fixture(params=[pytest.param(name, marks=needs_program(name.split()[0])) for name in STARTS])
def shell(
    request: pytest.FixtureRequest, tmp_path: Path, bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Terminal]:
    """A shell with the script installed by ourselves, in a folder with a file and a folder."""
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    name, home, here = request.param, tmp_path / "home", tmp_path / "here"
    (here / "my folder").mkdir(parents=True)
    (here / "notes one.yaml").touch()
    home.mkdir()
    command, settings = STARTS[name]
    rc = home / RC[name]
    rc.parent.mkdir(parents=True, exist_ok=True)
    rc.write_text(settings.format(script=completion.install(name.split()[0], home)))
    environ = {"HOME": str(home), "PATH": f"{bin_folder}:{os.environ['PATH']}", "LANG": "C.UTF-8"}
    terminal = Terminal(tmp_path / "tmux", [part.format(rc=rc) for part in command], cwd=here, environ=environ)
    terminal.wait_for(PROMPT)
    yield terminal
    terminal.close()


def press_tab(shell: Terminal, line: str, expected: str) -> None:
    """Type, press TAB once, and see the line become what is expected; the + after it shows the blank that is or is not there."""
    shell.type(line)
    shell.press("Tab")
    shell.type("+")
    shell.wait_for(f"{PROMPT} {expected}+")
    shell.press("C-u")


@pytest.mark.parametrize("program", ["buildnet-notify", "bnn"])
def test_the_first_tab_completes_a_command(program: str, shell: Terminal) -> None:
    press_tab(shell, f"{program} age", f"{program} agent ")


def test_tab_lists_what_may_follow(shell: Terminal) -> None:
    shell.type("buildnet-notify agent st")
    shell.press("Tab", "Tab")
    screen = shell.wait_for("status")
    assert "start" in screen
    assert "stop" in screen
    assert "emit" not in screen


def test_options_and_values_are_completed(shell: Terminal) -> None:
    press_tab(shell, "bnn emit --prio", "bnn emit --priority ")
    press_tab(shell, "bnn emit --priority crit", "bnn emit --priority critical ")
    press_tab(shell, "bnn --color=al", "bnn --color=always ")
    press_tab(shell, "bnn emit build.comp", "bnn emit build.completed ")


def test_a_global_option_may_stand_anywhere(shell: Terminal) -> None:
    press_tab(shell, "bnn --color never agent star", "bnn --color never agent start ")
    press_tab(shell, "bnn agent start --no-in", "bnn agent start --no-input ")


def test_a_file_name_is_offered_and_quoted(shell: Terminal) -> None:
    press_tab(shell, "bnn --config not", "bnn --config notes\\ one.yaml ")


def test_only_folders_where_a_folder_belongs(shell: Terminal) -> None:
    press_tab(shell, "bnn --project ", "bnn --project my\\ folder/")


def test_no_file_is_offered_where_none_belongs(shell: Terminal) -> None:
    press_tab(shell, "bnn agent start not", "bnn agent start not")


def test_quotes_and_dollars_in_the_line_do_no_harm(shell: Terminal, tmp_path: Path) -> None:
    harmful = "bnn emit --message 'it is $(touch ../harm) `touch ../harm` * ; x' --prio"
    press_tab(shell, harmful, f"{harmful}rity ")
    assert not (tmp_path / "harm").exists()
