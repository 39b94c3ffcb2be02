from __future__ import annotations

import pytest

from buildnet_cli.process.spawn import Exit, child_environment


def test_a_build_inherits_everything_but_our_secrets_and_our_own_variables():
    environ = {"PATH": "/bin", "SLACK_BOT_TOKEN": "xoxb", "BUILDNET_MASTER_KEY": "k", "HOME": "/home/dev"}
    assert child_environment(environ, without={"SLACK_BOT_TOKEN"}) == {"PATH": "/bin", "HOME": "/home/dev", "LC_MESSAGES": "C"}


def test_messages_are_english_even_if_one_variable_rules_the_whole_locale():
    environ = {"LC_ALL": "de_DE.UTF-8", "LC_CTYPE": "C", "LANG": "fr_FR.UTF-8"}
    assert child_environment(environ) == {"LANG": "de_DE.UTF-8", "LC_MESSAGES": "C"}


def test_the_environment_handed_in_is_left_alone():
    environ = {"BUILDNET_API_KEY": "k", "LC_ALL": "C"}
    child_environment(environ)
    assert environ == {"BUILDNET_API_KEY": "k", "LC_ALL": "C"}


@pytest.mark.parametrize(
    ("returncode", "code", "signal"),
    [(0, 0, ""), (3, 3, ""), (-9, 137, "SIGKILL"), (-15, 143, "SIGTERM"), (-40, 168, "signal 40")],
)
def test_an_end_is_told_as_a_shell_tells_it(returncode: int, code: int, signal: str):
    exit_ = Exit(returncode)
    assert (exit_.code, exit_.signal) == (code, signal)
