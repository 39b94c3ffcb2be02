"""STOP and RESTART by command, and the configuration over HTTP, with a real agent."""

from __future__ import annotations

import json

import pytest

from tests.support.agent import Answer, Project, is_alive, request, wait_for

pytestmark = pytest.mark.e2e

ADMIN = "bn_admin_Zq81mVx0Tt5LrKc2Yw7Hd4Pj"
READER = "bn_read_4Hs8Dp2Jw6Qm9Xk3Vt7Lz1Ry"
CONFIG = "/api/notifications/config"
TOKEN = "xoxb-17-CANARY-slack-token-Qm9Xk3Vt7"


@pytest.fixture
def remote(project: Project) -> Project:
    """A project whose agent takes commands over TCP."""
    keys = [
        {"name": "Admin", "key": ADMIN, "permissions": ["*"]},
        {"name": "Reader", "key": READER, "permissions": ["level:read"]},
    ]
    slack = {"bot_token": "${SLACK_TOKEN}", "default_channel": "#builds"}
    project.configure(
        notifications={"settings": {"batch_max": 50}, "channels": {"slack": slack}},
        remote_control={"enabled": True, "authentication": {"api_keys": keys}},
    )
    project.packages(slow="sleep 60")
    project.start(SLACK_TOKEN=TOKEN)
    return project


def over_tcp(project: Project, method: str, path: str, body: object = None, key: str = ADMIN) -> Answer:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    return request(method, f"{project.url}{path}", json.dumps(body).encode() if body is not None else None, headers)


def confirmed(project: Project, command: str) -> Answer:
    asked = over_tcp(project, "POST", "/api/commands/execute", {"command": command})
    assert asked.status == 202, asked.body
    wanted = {"command": command, "confirm": asked.body["result"]["code"]}
    return over_tcp(project, "POST", "/api/commands/execute", wanted)


def newest_command(project: Project) -> tuple[str, str]:
    command, status = project.rows("SELECT command, status FROM commands ORDER BY seq DESC LIMIT 1")[0]
    return str(command), str(status)


def test_a_stop_is_answered_and_stored_before_the_agent_ends(remote: Project) -> None:
    pid = remote.status()["pid"]
    remote.call("cmd", "BUILD slow").must()
    wait_for(lambda: remote.status()["queue"]["running"], "nothing is built")
    done = confirmed(remote, "HALT")
    assert (done.status, done.body["command"], done.body["status"]) == (200, "STOP", "executed")
    assert "1 build ends with it" in done.body["message"]
    wait_for(lambda: not is_alive(pid), "the agent goes on")
    assert newest_command(remote) == ("STOP", "executed")
    assert remote.rows("SELECT count(*) FROM events WHERE type = 'daemon.stopped'") == [(1,)]
    assert not [command for command in remote.processes().values() if "sleep 60" in command]
    remote.call("audit", "verify").must()


def test_a_restart_is_the_same_process_begun_anew_and_ends_as_executed(remote: Project) -> None:
    before = remote.status()
    started = remote.rows("SELECT count(*) FROM events WHERE type = 'daemon.started'")[0][0]
    done = confirmed(remote, "RESTART")
    assert (done.status, done.body["status"]) == (202, "accepted")
    wait_for(lambda: newest_command(remote) == ("RESTART", "executed"), "the restart does not end")
    now = wait_for(lambda: remote.call("status", "--json").code == 0 and remote.status(), "the agent does not answer again")
    assert now["pid"] == before["pid"]
    assert remote.rows("SELECT count(*) FROM events WHERE type = 'daemon.started'") == [(started + 1,)]
    assert "has started again" in remote.call("history", "commands", "-n", "1").must().out
    remote.call("audit", "verify").must()


def test_a_kill_in_the_middle_of_a_restart_ends_it_all_the_same(remote: Project) -> None:
    pid = remote.status()["pid"]
    assert confirmed(remote, "RESTART").status == 202
    if is_alive(pid):
        remote.kill(pid)
    remote.start(SLACK_TOKEN=TOKEN)
    assert newest_command(remote) == ("RESTART", "executed")


def test_the_configuration_is_shown_without_its_secrets_and_patched(remote: Project) -> None:
    shown = over_tcp(remote, "GET", CONFIG, key=READER)
    assert shown.status == 200
    assert shown.body["notifications"]["channels"]["slack"]["bot_token"] == "***"
    assert TOKEN not in json.dumps(shown.body)
    patch = {"notifications": {"settings": {"batch_max": 60}, "channels": {"slack": {"bot_token": "***"}}}}
    assert over_tcp(remote, "POST", CONFIG, patch, key=READER).status == 403
    changed = over_tcp(remote, "POST", CONFIG, patch)
    assert (changed.status, changed.body["notifications"]["settings"]["batch_max"]) == (200, 60)
    assert "${SLACK_TOKEN}" in remote.config.read_text()
    assert remote.call("config", "history", "--json").must().json["items"]


@pytest.mark.parametrize(
    ("patch", "status"),
    [
        ({"remote_control": {"enabled": False}}, 403),
        ({"remote_control": None}, 403),
        ({"notifications": {"channels": {"slack": {"bot_token": "xoxb-mine"}}}}, 403),
        ({"notifications": {"channels": {"webhooks": [{"name": "x", "url": "https://evil.example"}]}}}, 403),
        ({"notifications": {"settings": {"batch_max": -1}}}, 422),
        ({"notifications": {"settings": {"batch_mx": 1}}}, 422),
        ([], 400),
    ],
)
def test_what_must_not_be_changed_is_not(patch: object, status: int, remote: Project) -> None:
    before = remote.config.read_bytes()
    assert over_tcp(remote, "POST", CONFIG, patch).status == status
    assert remote.config.read_bytes() == before


def test_too_many_commands_are_told_when_to_come_again(remote: Project) -> None:
    answers = [over_tcp(remote, "POST", "/api/commands/execute", {"command": "RESUME"}) for _ in range(11)]
    assert {answer.status for answer in answers[:10]} == {200}
    assert answers[10].status == 429
    assert 1 <= int(answers[10].headers["retry-after"]) <= 6
    assert answers[10].body["kind"] == "too_many"
