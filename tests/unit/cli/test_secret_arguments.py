"""A value given as an argument is refused, and never repeated."""

from __future__ import annotations

import pytest

from buildnet_cli.cli.main import run

VALUE = "hunter2-correct-horse"


@pytest.mark.parametrize("words", [["TOKEN", VALUE], ["TOKEN", f"--{VALUE}"], [VALUE, "TOKEN"], [VALUE]])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_value_given_as_an_argument_is_refused_and_not_repeated(
    words: list[str], options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*options, "secrets", "set", *words]) == 2
    told = capsys.readouterr()
    assert VALUE not in told.out + told.err
