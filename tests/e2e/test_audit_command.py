"""`audit`: every command leaves an entry, and whoever changes one afterwards is found out."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from tests.support.agent import Project, request

pytestmark = pytest.mark.e2e

KEY = "bn_admin_Zq81mVx0Tt5LrKc2Yw7Hd4Pj"
READER = "bn_read_4Hs8Dp2Jw6Qm9Xk3Vt7Lz1Ry"


def tamper(project: Project, sql: str) -> None:
    with closing(sqlite3.connect(project.state / "notify.db")) as db, db:
        db.execute(sql)


def test_commands_are_audited_and_tampering_is_found(project: Project) -> None:
    keys = [
        {"name": "Admin Key", "key": KEY, "permissions": ["*"]},
        {"name": "Reader", "key": READER, "permissions": ["level:read"]},
    ]
    project.configure(remote_control={"enabled": True, "authentication": {"api_keys": keys}})
    project.packages(good="true")
    assert project.call("audit", "list").code == 9
    project.start()
    project.call("cmd", "build good").must()
    body = json.dumps({"command": "CACHE CLEAR"}).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "curl/8"}
    assert request("POST", f"{project.url}/api/commands/execute", body, {**headers, "X-API-Key": READER}).status == 403
    assert request("POST", f"{project.url}/api/commands/execute", body, {**headers, "X-API-Key": KEY}).status == 202

    listed = project.call("audit", "list", "--json").must().json["items"]
    assert [(entry["command"], entry["event_type"], entry["result"]["status"]) for entry in listed] == [
        ("CACHE CLEAR", "command.executed", "confirmation_required"),
        ("CACHE CLEAR", "command.denied", "denied"),
        ("BUILD good", "command.executed", "success"),
    ]
    assert listed[0]["source"] == {"channel": "api", "identifier": "Admin Key", "authenticated": True}
    assert (listed[0]["ip_address"], listed[0]["user_agent"]) == ("127.0.0.1", "curl/8")
    assert listed[2]["result"]["build_id"].startswith("build_")
    assert request("GET", f"{project.url}/api/audit", None, {"X-API-Key": READER}).status == 403
    assert request("GET", f"{project.url}/api/audit", None, {"X-API-Key": KEY}).body["items"] == listed
    exported = [json.loads(line) for line in project.call("audit", "export").must().out.splitlines()]
    assert exported == listed[::-1]

    assert project.call("audit", "verify").must().out == "3 entries, all as they were written\n"
    project.call("agent", "stop").must()
    assert project.call("audit", "verify", "--json").must().json["ok"] is True
    tamper(project, "UPDATE audit SET command = 'STATUS' WHERE seq = 2")
    found = project.call("audit", "verify").must(1)
    assert found.out == "first bad entry 2: what was asked has been changed\n"
    tamper(project, "DELETE FROM audit WHERE seq >= 2")
    assert project.call("audit", "verify", "--json").must(1).json["first_bad"]["seq"] == 2


def test_a_project_without_a_command_has_a_sound_audit(project: Project) -> None:
    project.configure()
    project.start()
    assert project.call("audit", "list").must().out == "Nobody has given a command yet\n"
    assert "0 entries" in project.call("audit", "verify").must().out
