"""A secret in every place where one can be: none of them is ever to be read anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildnet_cli.sandbox import telegram, twilio
from tests.support.agent import Project, Ran, new_project, request, wait_for
from tests.support.canaries import forms
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

SECRETS = {
    "HOOK_URL_PART": "canary-in-the-url-4f9d2c7b1a",
    "HOOK_TOKEN": "canary/bearer+token=8e3a5d",
    "HOOK_SIGNING": "canary-signing-secret-6b8f0e2d4c",
    "API_KEY": "bn_canary_Zq81mVx0Tt5LrKc2Yw7Hd4Pj",
    "SMS_TOKEN": "canary-sms-auth-token-51c7e9",
    "TELEGRAM_TOKEN": "110201543:canary-telegram-token-8d20f4",
    "STORED_TOKEN": "canary-from-the-store-7d1f3b5a",
}
MASTER_KEY = "canary-master-key-0123456789abcdef0123456789abcdef"


LINES = [
    "config validate",
    "config show",
    "config show --origin",
    "config show --json",
    "secrets check",
    "secrets list",
    "agent status -vv",
    "status",
    "status --json",
    "send-test",
    "send-test --json",
    "agent reload",
    "agent start --json",
    "config set notifications.settings.dedup_window_secs 7",
]


FORMS = {name: forms(secret) for name, secret in {**SECRETS, "BUILDNET_MASTER_KEY": MASTER_KEY}.items()}


def found_in(content: bytes) -> list[str]:
    """Whose secrets a content holds."""
    return [name for name, spellings in FORMS.items() if any(spelling in content for spelling in spellings)]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, inbox: HttpInbox) -> Iterator[tuple[Project, list[Ran]]]:
    """A project that has used every secret in success and in failure, and all that it printed."""
    with new_project(tmp_path_factory.mktemp("canaries")) as project:
        stored = SECRETS["STORED_TOKEN"]
        env = {name: value for name, value in SECRETS.items() if value is not stored} | {"BUILDNET_MASTER_KEY": MASTER_KEY}
        project.environ |= env
        bearer = {"type": "bearer", "token": "${HOOK_TOKEN}"}
        taken = f"{inbox.hook('canary')}?key=${{HOOK_URL_PART}}"
        hooks = [
            {
                "name": "Taken",
                "url": taken,
                "secret": "${HOOK_SIGNING}",
                "auth": bearer,
            },
            {"name": "Refused", "url": inbox.hook("refusing"), "auth": {"type": "bearer", "token": "${STORED_TOKEN}"}},
            {"name": "Gone", "url": "http://127.0.0.1:1/${HOOK_URL_PART}", "auth": bearer},
        ]
        keys = [{"name": "Admin", "key": "${API_KEY}", "permissions": ["*"]}]
        project.configure(
            agent={"api": {"port": 0}, "log": {"level": "debug"}},
            notifications={
                "debug": True,
                "channels": {
                    "webhooks": [{**hook, "events": ["*"]} for hook in hooks],
                    "sms": {
                        "enabled": True,
                        "provider": "twilio",
                        "account_sid": "AC0123456789abcdef0123456789abcdef",
                        "auth_token": "${SMS_TOKEN}",
                        "from_number": "+14155550100",
                        "base_url": inbox.url + twilio.PREFIX,
                        "recipients": [{"phone": "+14155550123", "name": "Lead", "events": ["*"]}],
                    },
                    "telegram": {
                        "bot_token": "${TELEGRAM_TOKEN}",
                        "chats": [{"id": "-1001234567890", "name": "Builds", "events": ["*"]}],
                        "base_url": inbox.url + telegram.PREFIX,
                    },
                },
            },
            remote_control={"enabled": True, "authentication": {"api_keys": keys}},
        )
        all_of_them = " ".join(SECRETS.values())
        project.packages(
            leaky=f"env; echo '{all_of_them}'; echo 'main.c:1:1: error: {all_of_them}' >&2; exit 1", wait="exec sleep 60"
        )
        inbox.script("refusing", *[{"status": 400, "text": f"no: {all_of_them}"}] * 50)
        ran = [project.call("secrets", "set", "STORED_TOKEN", "-vv", stdin=stored).must(), project.call("agent", "start").must()]
        ran += [project.call(*line.split()) for line in LINES]
        ran.append(project.call("cmd", "BUILD leaky", "--wait").must(1))
        leak = ["-s", "leak", "-m", all_of_them, "--data", json.dumps({"all": all_of_them})]
        ran.append(project.call("emit", "custom.leak", *leak).must())
        ran.append(project.call("cmd", f"BUILD {SECRETS['API_KEY']}"))
        ran.append(project.call("run", "--package", "told", "--", "sh", "-c", "exit 3").must(3))
        project.call("cmd", "BUILD wait").must()
        wait_for(lambda: len([got for got in inbox.received("refusing") if got.body["type"] == "custom.leak"]) > 0, "not told")
        ran += [project.call("history", kind, "--json").must() for kind in ("builds", "events", "commands")]
        ran.append(project.call("agent", "logs", "-n", "1000").must())
        yield project, ran


def test_the_receivers_were_sent_what_is_theirs(loaded: tuple[Project, list[Ran]], inbox: HttpInbox) -> None:
    """Or else there would be nothing to find."""
    got = inbox.received("canary")[0]
    assert got.headers["authorization"] == f"Bearer {SECRETS['HOOK_TOKEN']}"
    assert "webhook-signature" in got.headers
    assert inbox.received("refusing")[0].headers["authorization"] == f"Bearer {SECRETS['STORED_TOKEN']}"


def test_no_message_carries_one(loaded: tuple[Project, list[Ran]], inbox: HttpInbox) -> None:
    bodies = [json.dumps(got.body).encode() for name in ("canary", "refusing") for got in inbox.received(name)]
    assert bodies
    assert [found for body in bodies if (found := found_in(body))] == []


def test_no_answer_of_the_terminal_shows_one(loaded: tuple[Project, list[Ran]]) -> None:
    _, ran = loaded
    leaks = {" ".join(each.args)[:60]: found_in((each.out + each.err).encode("utf-8", "surrogateescape")) for each in ran}
    assert {line: found for line, found in leaks.items() if found} == {}
    assert all("Traceback" not in each.err for each in ran)


def test_no_file_holds_one(loaded: tuple[Project, list[Ran]]) -> None:
    project, _ = loaded
    sources = {project.state / "config.json"}  # where this test wrote them itself
    files = [path for folder in (project.root, project.home) for path in folder.rglob("*") if path.is_file()]
    assert project.state / "notify.db-wal" in files
    assert {path: found for path in files if path not in sources and (found := found_in(path.read_bytes()))} == {}


def test_no_answer_of_the_api_shows_one(loaded: tuple[Project, list[Ran]]) -> None:
    project, _ = loaded
    key = {"X-API-Key": SECRETS["API_KEY"]}
    paths = ["/api/status", "/api/notifications/events", "/api/deliveries", "/api/builds", "/api/commands/history", "/nothing"]
    for path in paths:
        answer = request("GET", project.url + path, headers=key)
        assert found_in(json.dumps(answer.body).encode()) == [], path
    refused = request("GET", f"{project.url}/api/status", headers={"X-API-Key": f"{SECRETS['API_KEY']}x"})
    assert (refused.status, found_in(json.dumps(refused.body).encode())) == (401, [])


def test_no_command_line_shows_one(loaded: tuple[Project, list[Ran]]) -> None:
    project, _ = loaded
    lines = project.processes()
    assert [line for line in lines.values() if "agent run" in line]
    assert {line for line in lines.values() if found_in(line.encode())} == set()


def test_no_build_inherits_one(loaded: tuple[Project, list[Ran]]) -> None:
    project, _ = loaded
    (pid,) = [pid for pid, line in project.processes().items() if line.startswith("sleep 60")]
    environ = Path(f"/proc/{pid}/environ").read_bytes()
    assert found_in(environ) == []
    names = {entry.partition(b"=")[0].decode() for entry in environ.split(b"\0")}
    assert not names & {*SECRETS, "BUILDNET_MASTER_KEY"}
    assert "PATH" in names
