"""`secrets`: values go in and are used; they never come out."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.support.agent import Project, Ran, on_terminal, webhook
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

VALUE = "s3cret-Value-9f8e7d6c5b4a"


def files_with(project: Project, text: str) -> list[Path]:
    """Every file of the home and of the project that holds a text."""
    files = [path for folder in (project.home, project.root) for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if text.encode() in path.read_bytes()]


def test_a_value_is_read_from_stdin_and_never_shown(project: Project) -> None:
    project.configure(reports={})
    shown: list[Ran] = [
        project.call("secrets", "set", "HOOK_TOKEN", stdin=f"{VALUE}\n").must(),
        project.call("secrets", "list").must(),
        project.call("secrets", "list", "--json").must(),
        project.call("secrets", "check").must(),
        project.call("secrets", "set", "HOOK_TOKEN", "-vv", stdin=VALUE).must(),
        project.call("secrets", "delete", "HOOK_TOKEN").must(),
        project.call("secrets", "delete", "HOOK_TOKEN").must(9),
    ]
    assert not [ran for ran in shown if VALUE in ran.out + ran.err]
    assert "HOOK_TOKEN" in shown[1].out
    assert files_with(project, VALUE) == []


def test_a_value_typed_at_the_prompt_is_not_echoed(project: Project) -> None:
    project.configure(reports={})
    shown = on_terminal(project, "secrets", "set", "HOOK_TOKEN", env={"TERM": "dumb"}, typed=f"{VALUE}\n", at="HOOK_TOKEN: ")
    assert shown.code == 0, shown.out
    assert VALUE not in shown.out
    assert "HOOK_TOKEN" in project.call("secrets", "list").must().out


def test_a_value_in_the_command_line_is_refused_and_not_repeated(project: Project) -> None:
    for args in (["HOOK_TOKEN", VALUE], [VALUE], [f"HOOK_TOKEN={VALUE}"]):
        refused = project.call("secrets", "set", *args).must(2)
        assert VALUE not in refused.out + refused.err, args
        assert "secrets set" in refused.err


@pytest.mark.parametrize("value", ["", "\n", "a\x00b"])
def test_what_cannot_be_a_value_is_refused(value: str, project: Project) -> None:
    project.call("secrets", "set", "HOOK_TOKEN", stdin=value).must(2)
    assert project.call("secrets", "list", "--json").must().json["items"] == []


def test_the_store_is_the_users_alone(project: Project) -> None:
    project.call("secrets", "set", "HOOK_TOKEN", stdin=VALUE).must()
    files = [path for path in project.home.rglob("*") if path.is_file()]
    assert files
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in files} == {0}


def test_what_is_missing_is_named_until_it_is_set(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook("${HOOK_URL}"))
    missing = project.call("secrets", "check").must(1)
    assert "HOOK_URL\tmissing" in missing.out
    assert "buildnet-notify secrets set HOOK_URL" in missing.err
    assert "buildnet-notify secrets set HOOK_URL" in project.call("agent", "start").must(3).err
    project.call("secrets", "set", "HOOK_URL", stdin=inbox.hook("secret")).must()
    project.call("secrets", "check").must()
    project.start()
    project.until_heard(inbox, "secret", project.emit())


def test_a_value_from_the_environment_survives_its_end(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook("${HOOK_URL}"))
    taken = project.call("secrets", "import", "--from-env", env={"HOOK_URL": inbox.hook("imported")}).must()
    assert taken.out.split("\t")[0] == "HOOK_URL"
    project.call("send-test").must()
    assert inbox.received("imported")


def test_the_environment_wins_over_the_store(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook("${HOOK_URL}"))
    project.call("secrets", "set", "HOOK_URL", stdin=inbox.hook("stored")).must()
    project.call("send-test", env={"HOOK_URL": inbox.hook("given")}).must()
    assert inbox.received("given")
    assert not inbox.received("stored")
