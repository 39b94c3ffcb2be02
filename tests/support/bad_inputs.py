"""Speaks the language of tests/data/bad_inputs.yaml: turns a case into the files, the environment and the mode it asks for."""

from __future__ import annotations

import base64
import functools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

DATA = Path(__file__).parents[1] / "data"

# Every secret of the base configuration; none of them, in any form, may be seen anywhere after any case.
CANARIES = {
    "BN_SMS_AUTH_TOKEN": "CANARY-SMS-AUTH-TOKEN",
    "BN_SMTP_PASSWORD": "CANARY-EMAIL-PASSWORD",
    "BN_SLACK_BOT_TOKEN": "CANARY-SLACK-BOT-TOKEN",
    "BN_SLACK_SIGNING_SECRET": "CANARY-SLACK-SIGNING-SECRET",
    "BN_DISCORD_BOT_TOKEN": "CANARY-DISCORD-BOT-TOKEN",
    "BN_TELEGRAM_BOT_TOKEN": "CANARY-TELEGRAM-BOT-TOKEN",
    "BN_WEBHOOK_TOKEN": "CANARY-WEBHOOK-TOKEN",
    "BN_IMAP_PASSWORD": "CANARY-IMAP-PASSWORD",
    "BN_API_KEY": "CANARY-API-KEY-q8Zt3Lw6Rk1Vx9Bn4Jd7",
}


@dataclass(frozen=True)
class Case:
    """One input at one surface, and what must be observed."""

    id: str
    group: str
    surface: str
    input: Mapping[str, Any]
    expect: Mapping[str, Any]

    @property
    def outcomes(self) -> list[str]:
        return _as_list(self.expect["outcome"])

    @property
    def exit_codes(self) -> set[int]:
        """The exit codes allowed; empty where the case does not say."""
        return {code if isinstance(code, int) else _file()["exits"][code] for code in _as_list(self.expect.get("exit"))}

    @property
    def statuses(self) -> set[int]:
        """The HTTP statuses allowed; empty where the case does not say."""
        return set(_as_list(self.expect.get("http")))

    @property
    def max_ms(self) -> int:
        return int(self.expect.get("max_ms", 2000))

    def missing_in(self, text: str, kind: str) -> list[str]:
        """The parts that `error_has`, `warn_has` or `output_has` asks for and the text lacks. `line N` is met by `:N:column`."""
        folded = text.casefold()
        wanted = [str(part) for part in self.expect.get(kind, ())]
        return [part for part in wanted if part.casefold() not in folded and f":{part.removeprefix('line ')}:" not in text]

    def unwanted_in(self, text: str) -> list[str]:
        """What must appear nowhere and does: secrets in any form, tracebacks, what the case names."""
        return [part for part in (*self.expect.get("absent_substrings", ()), "Traceback", *_canary_forms()) if part in text]


@dataclass(frozen=True)
class Prepared:
    """What a case needs before the program runs.

    config: the bytes of .buildnet/notifications.yaml. mode: its permissions. env: the environment beside the usual one.
    """

    config: bytes
    mode: int
    env: Mapping[str, str]

    def write(self, project: Path) -> Path:
        """Write the configuration into a project; its path."""
        path = project / ".buildnet" / "notifications.yaml"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(self.config)
        path.chmod(self.mode)
        return path


def cases(*, surface: str) -> list[Case]:
    """The cases of a surface that do not wait for a part to be built."""
    pending = _file()["pending"]
    return [
        Case(entry["id"], entry["group"], entry["surface"], entry["input"], entry["expect"])
        for entry in _file()["cases"]
        if entry["surface"] == surface and entry["id"] not in pending
    ]


def pending() -> dict[str, str]:
    """The cases that wait for a part to be built, each with that part."""
    return dict(_file()["pending"])


def groups() -> Counter[str]:
    """How many cases each group has, pending ones too."""
    return Counter(entry["group"] for entry in _file()["cases"])


def prepare(case: Case) -> Prepared:
    """The configuration and the environment of a case; the base configuration where it names none."""
    given = case.input
    mode = int(given.get("mode", "0600"), 8)
    return Prepared(_content(given), mode, {**CANARIES, **given.get("env", {})})


def event_body(case: Case) -> bytes:
    """What a case of the surface `event` hands in."""
    given = case.input.get("twice", case.input)
    if "b64" in given:
        return base64.b64decode(given["b64"])
    if "text" in given:
        return str(_value(given["text"], [])).encode()
    return json.dumps(_value(given["json"], [])).encode()


def project_folder(case: Case) -> Path | None:
    """The folder that a case of the surface `path` wants its project in; None if any will do."""
    named = case.input.get("project_dir")
    return Path(_value(named, [])) if named is not None else None


def template_of(case: Case) -> str:
    """The template of a case of the surfaces `template` and `template_runtime`."""
    return str(_value(case.input["template"], []))


def base_configuration() -> dict[str, Any]:
    """A valid configuration with every section that a fragment may be put into."""
    return {
        "notifications": {
            "enabled": True,
            "settings": {
                "dedup_window_secs": 300,
                "rate_limit": {"max_per_minute": 10, "max_per_hour": 100},
                "quiet_hours": {"enabled": True, "start": "22:00", "end": "08:00", "timezone": "UTC"},
                "default_priority": "medium",
                "priorities": {"high": {"channels": ["email", "slack", "sms", "webhook"]}},
            },
            "channels": {
                "sms": {
                    "enabled": True,
                    "provider": "twilio",
                    "account_sid": "AC0123456789abcdef0123456789abcdef",
                    "auth_token": "${BN_SMS_AUTH_TOKEN}",
                    "from_number": "+14155550100",
                    "recipients": [{"phone": "+14155550123", "name": "Lead", "events": ["*"]}],
                },
                "email": {
                    "enabled": True,
                    "provider": "smtp",
                    "smtp": {
                        "host": "smtp.example.com",
                        "port": 587,
                        "username": "build",
                        "password": "${BN_SMTP_PASSWORD}",
                        "tls": True,
                    },
                    "from": "BuildNet <buildnet@example.com>",
                    "recipients": [{"email": "team@example.com", "events": ["*"]}],
                },
                "slack": {
                    "enabled": True,
                    "bot_token": "${BN_SLACK_BOT_TOKEN}",
                    "signing_secret": "${BN_SLACK_SIGNING_SECRET}",
                    "default_channel": "#builds",
                },
                "discord": {
                    "enabled": True,
                    "bot_token": "${BN_DISCORD_BOT_TOKEN}",
                    "guild_id": "123456789",
                    "channels": [{"id": "987654321", "name": "builds", "events": ["build.*"]}],
                },
                "telegram": {
                    "enabled": True,
                    "bot_token": "${BN_TELEGRAM_BOT_TOKEN}",
                    "allowed_users": [{"id": "123456789", "name": "Admin", "commands": ["*"]}],
                },
                "webhooks": [
                    {
                        "name": "Monitoring",
                        "url": "https://monitoring.example.com/events",
                        "events": ["*"],
                        "auth": {"type": "bearer", "token": "${BN_WEBHOOK_TOKEN}"},
                    }
                ],
            },
        },
        "remote_control": {
            "enabled": True,
            "authentication": {"api_keys": [{"key": "${BN_API_KEY}", "name": "Admin", "permissions": ["*"]}]},
            "email": {
                "enabled": True,
                "imap": {"host": "imap.example.com", "port": 993, "username": "build", "password": "${BN_IMAP_PASSWORD}"},
                "allowed_senders": ["admin@example.com"],
            },
            "confirmation": {"timeout_secs": 300, "code_length": 6},
        },
        "monitoring": {
            "enabled": True,
            "resources": {
                "cpu": {"enabled": True, "warning": 70, "critical": 90},
                "disk": {"enabled": True, "paths": [{"path": "/", "warning": 80, "critical": 95}]},
            },
        },
        "reports": {
            "enabled": True,
            "scheduled": [
                {
                    "name": "Daily",
                    "cron": "0 9 * * *",
                    "type": "summary",
                    "period": "24h",
                    "recipients": ["email:team@example.com"],
                }
            ],
            "storage": {"path": ".buildnet/reports", "retention_days": 90},
        },
    }


# States of the file system that a case of the surface `path` starts from. Each takes the project folder.
FIXTURES: dict[str, Callable[[Path], None]] = {
    "buildnet_is_a_regular_file": lambda project: (project / ".buildnet").write_text("not a folder\n") and None,
    "buildnet_is_a_symlink_to_etc": lambda project: (project / ".buildnet").symlink_to("/etc"),
    "buildnet_mode_0777": lambda project: _folder(project).chmod(0o777),
    "directory_not_writable": lambda project: _folder(project).chmod(0o500),
    "config_path_is_a_fifo": lambda project: os.mkfifo(_folder(project) / "notifications.yaml", 0o600),
    "config_path_is_dev_zero": lambda project: (_folder(project) / "notifications.yaml").symlink_to("/dev/zero"),
}


def _folder(project: Path) -> Path:
    folder = project / ".buildnet"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@functools.cache
def _file() -> dict[str, Any]:
    with (DATA / "bad_inputs.yaml").open(encoding="utf-8") as file:
        return dict(yaml.load(file, Loader=yaml.CSafeLoader))


def _as_list(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _content(given: Mapping[str, Any]) -> bytes:
    if "b64" in given:
        return base64.b64decode(given["b64"])
    if "text" in given:
        return str(given["text"]).encode(given.get("encoding", "utf-8"))
    if "json" in given:
        return json.dumps(given["json"]).encode()
    if "gen" in given:
        return str(_generated(given["gen"])).encode()
    fragments = given.get("fragments", [given["fragment"]] if "fragment" in given else [])
    return _with_fragments(fragments).encode()


def _with_fragments(fragments: Iterable[Mapping[str, Any]]) -> str:
    configuration = base_configuration()
    raw: list[str] = []
    for fragment in fragments:
        *parents, last = fragment["path"].split(".")
        section = configuration
        for part in parents:
            section = section.setdefault(part, {})
        section[last] = _value(fragment["value"], raw)
    # JSON is YAML with every text in quotes, so nothing is read otherwise than it is meant; raw values are put in afterwards.
    text = json.dumps(configuration, indent=2, ensure_ascii=False)
    for index, written in enumerate(raw):
        text = text.replace(f'"@raw{index}@"', written)
    return text + "\n"


def _value(value: Any, raw: list[str]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"raw"}:
            raw.append(value["raw"])
            return f"@raw{len(raw) - 1}@"
        if set(value) == {"gen"}:
            return _generated(value["gen"])
        return {key: _value(below, raw) for key, below in value.items()}
    return [_value(below, raw) for below in value] if isinstance(value, list) else value


def _generated(how: Mapping[str, Any]) -> Any:
    """A value too large to be written down."""
    match how["kind"]:
        case "object":
            return {f"k{n}": n for n in range(how["keys"])}
        case "repeat":
            return how.get("prefix", "") + how["unit"] * how["count"] + how.get("suffix", "")
        case "nest":
            return how["open"] * how["depth"] + how["close"] * how["depth"]
        case "yaml_bomb":
            lines = [f"a0: &a0 [{', '.join(['x'] * how['width'])}]"]
            lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * how['width'])}]" for n in range(1, how["levels"])]
            return "\n".join(lines) + "\n"
        case "yaml_merge_quadratic":
            entries = ", ".join(f"k{n}: {n}" for n in range(how["keys"]))
            maps = "".join(f"m{n}: {{<<: *base}}\n" for n in range(how["maps"]))
            return f"base: &base {{{entries}}}\n{maps}"
    raise ValueError(f"no generator is called {how['kind']}")


@functools.cache
def _canary_forms() -> tuple[str, ...]:
    secrets = CANARIES.values()
    encoded = [base64.b64encode(secret.encode()).decode().rstrip("=") for secret in secrets]
    return (*secrets, *encoded, *(quote(secret, safe="") for secret in secrets))
