"""What TAB offers, and the tree it is answered from."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli import tab
from buildnet_cli.cli import completion
from buildnet_cli.errors import UsageError


class Shape(enum.Enum):
    ROUND = "round"
    SQUARE = "square"


def sample() -> typer.Typer:
    app, box = typer.Typer(add_completion=False), typer.Typer(help="Boxes. They hold things.")

    @app.callback()
    def program(config: Annotated[Path | None, typer.Option(help="The file.")] = None, loud: bool = False) -> None:
        """A sample: with a colon."""

    @app.command()
    def emit(type_: Annotated[str, typer.Argument(metavar="TYPE")], channel: list[str] | None = None, level: int = 1) -> None:
        """Say it."""

    @app.command()
    def copy(files: list[Path], to: Annotated[Path | None, typer.Option(metavar="DIR")] = None) -> None:
        """Copy."""

    @app.command(hidden=True)
    def secret() -> None:
        """Not shown."""

    @box.command()
    def open_(shape: Shape, quick: Annotated[bool, typer.Option("--quick", "-q", help="At once.")] = False) -> None:
        """Open a box.

        More than a line.
        """

    @box.command()
    def close() -> None:
        """Close a box."""

    app.add_typer(box, name="box")
    return app


@pytest.fixture(autouse=True, scope="module")
def tree() -> completion.Tree:
    return completion.build_tree(sample())


@pytest.fixture(autouse=True)
def use_the_sample(tree: completion.Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tab, "COMMANDS", tree)
    monkeypatch.setattr(tab, "VALUES", {"<event types>": ("build.failed", "build.started")})


def words(line: str, shell: str = "bash") -> list[str]:
    """What is offered for the last word of a line; the shell's words are those between blanks."""
    parts = line.split(" ")
    code, text = tab.complete([shell, str(len(parts) - 1), *parts])
    assert code == tab.WORDS
    return text.splitlines()


def code(line: str) -> int:
    parts = line.split(" ")
    return tab.complete(["zsh", str(len(parts) - 1), *parts])[0]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("p ", ["emit", "copy", "box"]),
        ("p b", ["box"]),
        ("p box ", ["open-", "close"]),
        ("p nonsense ", []),
        ("p box close ", []),
        ("p box nonsense ", []),
        ("p box open- ", ["round", "square"]),
        ("p box open- s", ["square"]),
        ("p box open- square ", []),
        ("p emit ", ["build.failed", "build.started"]),
        ("p emit build.failed ", []),
        ("p emit --level ", []),
        ("p emit --level 3 ", ["build.failed", "build.started"]),
        ("p emit --level=3 build.f", ["build.failed"]),
        ("p --loud bo", ["box"]),
        ("p --config x.yaml box cl", ["close"]),
        ("p box -q open- ro", ["round"]),
        ("p box open- --qu", ["--quick"]),
        ("p box open- --lo", ["--loud"]),
        ("p box open- round -", ["--quick", "--config", "--loud", "--no-loud", "--help"]),
        ("p sec", []),
        ("p secret ", []),
        ("p emit --no-such-option ", ["build.failed", "build.started"]),
    ],
)
def test_what_may_stand_next_is_offered(line: str, offered: list[str]) -> None:
    assert words(line) == offered


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("p --config ", tab.FILES),
        ("p box --config ", tab.FILES),
        ("p --config=", tab.FILES),
        ("p copy a b c", tab.FILES),
        ("p copy --to ", tab.FOLDERS),
        ("p emit x -- mak", tab.FILES),
        ("p emit ", tab.WORDS),
    ],
)
def test_names_of_files_are_left_to_the_shell(line: str, expected: int) -> None:
    assert code(line) == expected


def test_only_the_line_before_the_cursor_counts() -> None:
    assert tab.complete(["bash", "1", "p", "b", "emit", "x"]) == (tab.WORDS, "box\n")


def test_a_cursor_behind_the_last_word_asks_for_a_new_one() -> None:
    assert tab.complete(["fish", "2", "p", "box"])[1].startswith("open-\t")


def test_each_shell_gets_its_own_form() -> None:
    assert tab.complete(["bash", "1", "p", "box"]) == (tab.WORDS, "box\n")
    assert "box:Boxes\n" in tab.complete(["zsh", "1", "p", ""])[1]
    assert "box\tBoxes\n" in tab.complete(["fish", "1", "p", ""])[1]
    assert tab.complete(["zsh", "2", "p", "emit", ""])[1] == "build.failed\nbuild.started\n"


def test_a_colon_of_a_word_is_not_the_one_before_its_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tab, "VALUES", {"<event types>": ("a:b",)})
    assert tab.complete(["zsh", "2", "p", "emit", ""])[1] == "a\\:b\n"


def test_bash_takes_an_equals_sign_for_a_word() -> None:
    assert tab.complete(["bash", "6", "p", "emit", "x", "--channel", "=", "sms", "--lev"]) == (tab.WORDS, "--level\n")
    assert tab.complete(["bash", "3", "p", "--config", "=", "x"])[0] == tab.FILES
    assert tab.complete(["bash", "2", "p", "--config", "="])[0] == tab.FILES


def test_the_other_shells_want_the_whole_word_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tab, "VALUES", {"<channels>": ("sms",)})
    assert words("p emit --channel=s", "zsh") == ["--channel=sms"]
    assert words("p emit --channel=s", "fish") == ["--channel=sms"]


@given(
    st.lists(
        st.one_of(st.text(max_size=6), st.sampled_from(["p", "box", "emit", "--", "-", "--config", "=", "open-"])), max_size=8
    ),
    st.data(),
)
def test_no_line_is_too_odd(line: list[str], data: st.DataObject) -> None:
    cursor = data.draw(st.integers(min_value=0, max_value=len(line)))
    for shell in completion.SCRIPTS:
        status, text = tab.complete([shell, str(cursor), *line])
        assert status in (tab.WORDS, tab.FILES, tab.FOLDERS)
        assert text == "" or text.endswith("\n")


def test_the_help_is_the_first_sentence(tree: completion.Tree) -> None:
    assert tree["box"][0] == "Boxes"
    assert tree["box open-"][0] == "Open a box"


def test_the_source_of_the_tree_is_the_tree(tree: completion.Tree) -> None:
    module: dict[str, object] = {}
    exec(completion.tree_source(tree), module)
    assert module["COMMANDS"] == tree


def test_an_unknown_shell_is_refused() -> None:
    with pytest.raises(UsageError, match="tcsh"):
        completion.script("tcsh")
