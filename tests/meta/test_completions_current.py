"""What is generated is current; `make completions` writes it anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildnet_cli.cli import completion
from buildnet_cli.cli.main import app

ROOT = Path(__file__).parents[2]


def test_the_tree_is_that_of_the_program() -> None:
    assert (ROOT / "buildnet_cli" / "completion_tree.py").read_text() == completion.tree_source(completion.build_tree(app))


@pytest.mark.parametrize("shell", completion.SCRIPTS)
def test_the_scripts_are_those_of_the_program(shell: str) -> None:
    assert (ROOT / "completions" / completion.FILES[shell]).read_text() == completion.script(shell)


def test_no_candidate_needs_quoting() -> None:
    """The scripts hand words to the shells as they are."""
    tree = completion.build_tree(app)
    options = [name for command in tree.values() for names, _, _ in command[2] for name in names]
    values = [
        value for command in tree.values() for _, _, kind in command[2] if not kind.startswith("<") for value in kind.split("|")
    ]
    names = [name for command in tree.values() for name in command[1]]
    assert [word for word in [*options, *values, *names] if set(word) & set(" \t\n'\"\\$`*?[](){}<>|&;#~!")] == []
