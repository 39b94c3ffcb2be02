"""Global options may stand anywhere before a bare `--`."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildnet_cli.cli.options import split_global_options
from buildnet_cli.errors import UsageError


@pytest.mark.parametrize(
    ("argv", "rest"),
    [
        (["--json", "status"], ["status"]),
        (["status", "--json"], ["status"]),
        (["emit", "x", "-q", "--message", "hello"], ["emit", "x", "--message", "hello"]),
        (["run", "--json", "--", "make", "--json", "-v"], ["run", "--", "make", "--json", "-v"]),
        (["-vv", "status"], ["status"]),
        (["agent", "logs", "-f", "-n", "5"], ["agent", "logs", "-f", "-n", "5"]),
    ],
)
def test_global_options_are_taken_out_and_the_rest_is_left_as_it_is(argv: list[str], rest: list[str]) -> None:
    assert split_global_options(argv)[1] == rest


def test_values_are_read_in_both_spellings() -> None:
    options, rest = split_global_options(
        ["--config", "a.yaml", "status", "--project=dir", "--color", "never", "-vv", "--json", "-q"]
    )
    assert rest == ["status"]
    assert (options.config, options.project) == (Path("a.yaml"), Path("dir"))
    assert (options.color, options.verbosity, options.as_json, options.is_quiet) == ("never", 2, True, True)


@pytest.mark.parametrize("argv", [["--config"], ["status", "--project", ""], ["--config="], ["--color", "pink"]])
def test_an_option_without_a_sensible_value_is_refused(argv: list[str]) -> None:
    with pytest.raises(UsageError):
        split_global_options(argv)
