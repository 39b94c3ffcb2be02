"""A secret in every key of the configuration that holds one, and providers that refuse and say it aloud: it is read nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from buildnet_cli.channels.registry import SUPPORTED
from buildnet_cli.config.origin import KeyPath
from tests.support.agent import Project, Ran, new_project, request, wait_for
from tests.support.canaries import canary, found_in, secret_places
from tests.support.echo import Echo, echoing

pytestmark = pytest.mark.e2e

PLACES = secret_places()
NAMES = {path: "CANARY_" + "_".join(str(part) for part in path[1:]).upper() for path in PLACES}
CREDENTIALS = ("notifications", "channels", "push", "firebase", "credentials")
PASSWORD = ("notifications", "channels", "webhooks", 0, "auth", "password")
URL = ("notifications", "channels", "webhooks", 0, "url")
# Telegram takes a few characters only, and keys have to be long.
PLAIN = {("notifications", "channels", "telegram", "webhook_secret")}

LINES = [
    "config validate",
    "config show",
    "config show --origin",
    "config show --json",
    "secrets check",
    "send-test",
    "send-test --json",
    "send-test -vv",
    "send-test --show",
    "channels list",
    "channels list --json",
    *(f"channels show {name}" for name in ("sms", "email", "webhook", "push", "slack", "discord", "telegram")),
    "doctor",
    "doctor --json",
    "status",
    "status --json",
    "agent status -vv",
    "why --last",
    "history events --json",
    "deliveries list --json",
    "agent reload",
    "agent logs -n 5000",
]


@dataclass
class Leaks:
    """What a project with all these secrets has printed. secrets: by name."""

    project: Project
    echo: Echo
    secrets: dict[str, str]
    ran: list[Ran]

    def in_(self, content: bytes) -> list[str]:
        return found_in(content, self.secrets)


@pytest.fixture(scope="module")
def leaks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Leaks]:
    """Every channel there is, refused in many ways; without an agent and with one."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    secrets = {name: canary(name, is_plain=path in PLAIN or path[0] != "notifications") for path, name in NAMES.items()}
    secrets["CANARY_HEADER"] = canary("header")
    del secrets[NAMES[CREDENTIALS]]
    said = [*secrets.values(), pem, "ya29.c4nary-access-token"]
    with echoing(said) as echo, new_project(tmp_path_factory.mktemp("leaks")) as project:
        account = {
            "type": "service_account",
            "project_id": "builds",
            "private_key_id": "1",
            "private_key": pem,
            "client_email": "notify@builds.iam.gserviceaccount.com",
            "token_uri": f"{echo.url}/token",
        }
        project.environ |= {**secrets, NAMES[CREDENTIALS]: json.dumps(account)}
        ran = []
        for mail in ("sendgrid", "ses", "smtp"):
            project.configure(**_configuration(echo, mail))
            ran += [project.call("send-test"), project.call("send-test", "--json", "-vv")]
        project.start()
        for number in range(4):
            project.emit("build.failed", subject=f"api{number}", message="it broke")
        wait_for(lambda: _is_tried(project), "not everybody was tried", within_secs=60)
        ran += [project.call(*line.split()) for line in LINES]
        for delivery in project.call("deliveries", "list", "--json").json["items"]:
            ran.append(project.call("deliveries", "show", delivery["id"]))
        secrets["the private key"] = pem
        secrets["the access token"] = "c4nary-access-token"
        yield Leaks(project, echo, secrets, ran)


def _is_tried(project: Project) -> bool:
    found = project.rows(
        "SELECT DISTINCT channel FROM attempts JOIN deliveries ON deliveries.id = delivery_id WHERE attempts.finished_at > ''"
    )
    return {channel for (channel,) in found} == SUPPORTED - {"console"}


def _configuration(echo: Echo, mail: str) -> dict[str, Any]:
    """A configuration in which every secret place holds the name of its secret. mail: by whom mail is sent."""
    hook = {"name": "Bearer", "url": "", "auth": {"type": "bearer"}, "headers": {"X-Key": "${CANARY_HEADER}"}}
    basic = {"name": "Basic", "url": f"{echo.url}/basic", "auth": {"type": "basic", "username": "ci", "password": _ref(PASSWORD)}}
    own = {"type": "header", "header": "X-Own", "token": "${CANARY_HEADER}"}
    forms = [{"name": form, "url": f"{echo.url}/{form}", "format": form, "auth": own} for form in ("slack", "discord")]
    config: dict[str, Any] = {
        "agent": {"api": {"port": 0}, "log": {"level": "debug"}},
        "notifications": {
            "debug": True,
            "channels": {
                "sms": {
                    "account_sid": "AC" + "0" * 32,
                    "from_number": "+14155550100",
                    "base_url": echo.url,
                    "recipients": [{"phone": "+14155550123", "name": "Lead"}],
                },
                "email": {
                    "provider": mail,
                    "smtp": {"host": "127.0.0.1", "port": echo.smtp_port, "username": "ci", "tls": False},
                    "sendgrid": {"base_url": echo.url},
                    "ses": {"base_url": echo.url, "region": "eu-central-1", "access_key_id": "AKIA0000000000000000"},
                    "from": "build@example.com",
                    "recipients": [{"email": "team@example.com"}],
                },
                "webhooks": [hook, basic, *forms],
                "push": {
                    "firebase": {"project_id": "builds", "base_url": echo.url},
                    "topics": [{"name": "builds"}],
                },
                "slack": {"base_url": echo.url, "channels": [{"id": "C0123456789", "name": "builds"}]},
                "discord": {"base_url": echo.url, "channels": [{"id": "123456789012345678", "name": "builds"}]},
                "telegram": {"base_url": echo.url, "chats": [{"id": "-1001234567890", "name": "builds"}]},
            },
        },
        "remote_control": {
            "authentication": {"api_keys": [{"name": "ci", "permissions": ["*"]}]},
            "email": {"enabled": False, "imap": {"host": "127.0.0.1", "username": "ci"}},
        },
    }
    for path in PLACES:
        if path != PASSWORD:
            _put(config, path, f"{echo.url}/hooks/{_ref(path)}" if path == URL else _ref(path))
    return config


def _ref(path: KeyPath) -> str:
    return f"${{{NAMES[path]}}}"


def _put(config: Any, path: KeyPath, value: str) -> None:
    *parents, last = path
    for part in parents:
        config = config.setdefault(part, {}) if isinstance(config, dict) else config[part]
    config[last] = value


def test_the_providers_were_told_secrets(leaks: Leaks) -> None:
    """Or else there would be nothing to find."""
    told = found_in("\n".join(leaks.echo.heard).encode(), leaks.secrets)
    assert {NAMES[path] for path in PLACES if path[2] in ("slack", "discord", "telegram") and path[-1] == "bot_token"} <= set(
        told
    )
    assert NAMES["notifications", "channels", "email", "sendgrid", "api_key"] in told
    assert {NAMES[PASSWORD], NAMES[URL], "CANARY_HEADER", "the access token"} <= set(told)


def test_no_output_shows_one(leaks: Leaks) -> None:
    found = {" ".join(each.args): leaks.in_((each.out + each.err).encode("utf-8", "surrogateescape")) for each in leaks.ran}
    assert {line: names for line, names in found.items() if names} == {}
    assert all("Traceback" not in each.err for each in leaks.ran)


def test_no_file_holds_one(leaks: Leaks) -> None:
    files = [path for folder in (leaks.project.root, leaks.project.home) for path in folder.rglob("*") if path.is_file()]
    assert leaks.project.state / "notify.db-wal" in files
    assert any(path.parent.name == "logs" for path in files)
    found: dict[Path, list[str]] = {path: leaks.in_(path.read_bytes()) for path in files}
    assert {path: names for path, names in found.items() if names} == {}


def test_no_answer_of_the_api_shows_one(leaks: Leaks) -> None:
    key = next(leaks.secrets[name] for path, name in NAMES.items() if path[-1] == "key")
    for path in ("/api/status", "/api/notifications/events", "/api/deliveries", "/api/commands/history"):
        answer = request("GET", leaks.project.url + path, headers={"X-API-Key": key})
        assert answer.status == 200
        assert leaks.in_(json.dumps(answer.body).encode()) == [], path


def test_no_command_line_shows_one(leaks: Leaks) -> None:
    assert [line for line in leaks.project.processes().values() if leaks.in_(line.encode())] == []


def test_no_url_is_logged(leaks: Leaks) -> None:
    logs = "".join(path.read_text("utf-8") for path in (leaks.project.state / "logs").glob("*") if path.is_file())
    assert '"logger": "delivery.' in logs
    assert "HTTP Request" not in logs
    assert not [name for name in ("httpx", "httpcore", "aiohttp") if f'"logger": "{name}' in logs]
