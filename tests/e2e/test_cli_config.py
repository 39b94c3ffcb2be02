"""`config` and `init`: from nothing to a configuration, and from one to the next."""

from __future__ import annotations

import json
import stat

import pytest

from tests.support.agent import Project, webhook
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

DEDUP = "notifications.settings.dedup_window_secs"


def test_init_writes_a_configuration_that_an_agent_takes(project: Project) -> None:
    wrote = project.call("init", "--yes").must()
    assert str(project.config) in wrote.out
    assert "buildnet-notify agent start" in wrote.out
    assert stat.S_IMODE(project.state.stat().st_mode) == 0o700
    assert stat.S_IMODE(project.config.stat().st_mode) == 0o600
    assert project.config.read_text().startswith("# yaml-language-server: $schema=./notifications.schema.json\n")
    json.loads((project.state / "notifications.schema.json").read_text())
    assert "no problems" in project.call("config", "validate").must().out
    project.call("config", "set", "agent.api.port", "0").must()
    project.start()


def test_init_again_changes_nothing_and_forced_keeps_the_former(project: Project) -> None:
    project.call("init", "--yes").must()
    project.config.write_text("# mine\n")
    assert "already" in project.call("init", "--yes").must().out
    assert project.config.read_text() == "# mine\n"
    project.call("init", "--yes", "--force").must()
    assert "notifications:" in project.config.read_text()
    assert project.config.with_suffix(".yaml.bak").read_text() == "# mine\n"


def test_init_finds_what_there_is(project: Project) -> None:
    project.packages(api="true", web="true")
    env = {"SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T000/B000/secret", "TZ": "Europe/Berlin"}
    assert "2 packages" in project.call("init", "--yes", env=env).must().out
    text = project.config.read_text()
    assert "${SLACK_WEBHOOK_URL}" in text
    assert "secret" not in text
    assert "Europe/Berlin" in text


def test_init_asks_nobody_who_cannot_answer(project: Project) -> None:
    assert "init --yes" in project.call("init").must(2).err
    assert not project.config.exists()


def test_all_problems_are_told_at_once_each_with_its_line(project: Project) -> None:
    project.configure("notifications:\n  chanels: {}\n  settings:\n    dedup_window_secs: -1\nagnet: {}\n")
    told = project.call("config", "validate").must(3).out
    for place in (":2:3", ":4:24", ":5:1"):
        assert place in told
    github = project.call("config", "validate", "--format", "github").must(3).out
    assert len([line for line in github.splitlines() if line.startswith("::error file=")]) == 3
    problems = project.call("config", "validate", "--json").must(3).json
    assert (problems["ok"], len(problems["items"])) == (False, 3)
    assert ":1:" in project.call("config", "validate", "-", stdin="notifications: 5\n").must(3).out


def test_a_value_is_changed_with_the_comments_kept_and_taken_over_at_once(project: Project, inbox: HttpInbox) -> None:
    project.configure("# who hears\nnotifications: {}  # for now\nagent: {api: {port: 0}}\n")
    project.start()
    changed = project.call("config", "set", DEDUP, "120").must()
    assert "dedup_window_secs: 120" in changed.out
    assert "in force" in changed.out
    text = project.config.read_text()
    assert "# who hears" in text
    assert "# for now" in text
    assert project.call("config", "get", DEDUP).must().out == "120\n"
    assert "changed on disk" not in project.call("status").must().out


@pytest.mark.parametrize(("key", "value"), [(DEDUP, "soon"), ("notifications.nope", "1"), ("notifications", "5"), ("", "1")])
def test_a_change_that_would_not_load_changes_nothing(key: str, value: str, project: Project) -> None:
    project.configure(reports={})
    before = project.config.read_text()
    refused = project.call("config", "set", key, value)
    assert refused.code in (2, 3, 9), refused
    assert "Traceback" not in refused.err
    assert project.config.read_text() == before


def test_what_was_changed_can_be_brought_back(project: Project) -> None:
    project.configure(reports={})
    before = project.config.read_text()
    project.call("config", "set", DEDUP, "120").must()
    project.call("config", "set", DEDUP, "60").must()
    versions = project.call("config", "history", "--json").must().json["items"]
    assert [version["version"] for version in versions] == [3, 2, 1]
    project.call("config", "rollback", "1").must()
    assert project.config.read_text() == before
    assert project.call("config", "get", DEDUP).must().out == "300\n"
    assert "kept are 1 to 4" in project.call("config", "rollback", "99").must(9).err


def test_the_configuration_is_shown_with_its_origins_and_without_its_secrets(project: Project) -> None:
    token = "a-token-that-nobody-may-read-1234"
    project.configure(**webhook("http://127.0.0.1:1/x", auth={"type": "bearer", "token": token}))
    for args in (["show"], ["show", "--origin"], ["get", "notifications.channels.webhooks[0].auth.token"], ["show", "--json"]):
        shown = project.call("config", *args).must().out
        assert token not in shown, args
        assert "***" in shown, args
    rows = dict(line.split("\t")[::2] for line in project.call("config", "show", "--origin").must().out.splitlines())
    assert rows["agent.api.host"] == "default"
    assert rows["agent.api.port"].endswith("notifications.yaml:3:11")


def test_a_key_that_is_not_there_gets_the_nearest(project: Project) -> None:
    project.configure(reports={})
    assert "did you mean" in project.call("config", "get", "notifications.setings").must(9).err


def test_both_samples_and_the_schema_are_whole(project: Project) -> None:
    for args in ([], ["--full"]):
        sample = project.call("config", "sample", *args).must().out
        told = project.call("config", "validate", "-", stdin=sample)
        assert told.code == 0 or "which is not set" in told.out, told
    assert json.loads(project.call("config", "schema").must().out)["$schema"]


def test_below_the_project_the_same_configuration_is_found(project: Project) -> None:
    project.configure(reports={})
    below = project.root / "packages" / "api"
    below.mkdir(parents=True)
    assert project.call("config", "path", cwd=below).must().out == f"{project.config}\n"


def test_without_a_project_there_is_the_users_own(project: Project) -> None:
    """Everything works in an empty home: the state is made where the platform keeps such things."""
    assert str(project.home) in project.call("config", "path").must().out
    assert project.call("emit", "custom.test", "--json").must().json["status"] == "spooled"
    assert project.call("history").must().out == "No builds yet\n"
    assert not project.state.exists()
    assert len(list(project.home.rglob("spool/*.json"))) == 1
