"""Every block of the specification and every key beyond it is understood, and described."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from buildnet_cli.config.root import Config
from buildnet_cli.config.section import Section
from tests.support.config_models import API_KEY

GOOD = Path(__file__).parents[2] / "data" / "config" / "good"
BLOCKS = sorted(path.stem for path in GOOD.glob("*.yaml"))

VALUES = {
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/x",
    "BUILDNET_API_KEY": API_KEY,
    "BUILDNET_READONLY_KEY": API_KEY[::-1],
}

# The keys beyond the specification, one valid configuration that holds all of them.
BEYOND = """
agent:
  api: {host: "127.0.0.1", port: 9876, public_base_url: "https://builds.example.com", allowed_hosts: [], listen: true}
  log: {level: info, max_mb: 10, keep: 5}
engine:
  {type: auto, url: "http://127.0.0.1:9876", config: ".buildnet/config.json", start_command: "",
   cache: {max_mb: 5120, warn_percent: 80, ttl_days: 30}}
packages:
  - {name: api, path: packages/api, build_cmd: make, dependencies: [], sources: ["src/**"], output_dir: out}
notifications:
  settings:
    quiet_hours: {enabled: false, action: hold}
    rate_limit: {critical_per_minute: 5, global: {max_per_minute: 0, max_per_hour: 0}}
    batch_max: 50
  channels:
    sms: {enabled: false, base_url: "", messaging_service_sid: "", status_callback: "", max_segments: 2, keywords: carrier}
    email:
      enabled: false
      sendgrid: {api_key: "", base_url: ""}
      ses: {region: "", access_key_id: "", secret_access_key: "", session_token: "", base_url: ""}
      smtp: {implicit_tls: false, ca_file: "", timeout_secs: 30}
    webhooks:
      - {name: x, url: "https://h.test/", method: POST, secret: "", timeout_secs: 15, verify: true, allow_insecure: false}
    push: {enabled: false, firebase: {base_url: ""}}
    slack:
      {enabled: false, base_url: "", signing_secret: "", mode: http, team_id: "",
       allowed_users: [{id: U0123456789, name: "", commands: ["*"]}]}
    discord:
      {enabled: false, base_url: "", public_key: "", application_id: "", mode: http,
       allowed_users: [{id: "1", name: "", commands: []}]}
    telegram:
      {enabled: false, base_url: "", mode: poll, webhook_secret: "", chats: [{id: "1", name: "", events: ["*"]}],
       allowed_users: [{id: "1", events: ["*"]}]}
remote_control:
  email: {enabled: false, authserv_id: "", require_signed: true, max_bytes: 1048576, imap: {tls: true, base_url: ""}}
  confirmation: {deliver_to: ""}
  rate_limit:
    {source_per_minute: 120, source_burst: 60, failures_per_5min: 20, read_per_minute: 60, build_per_minute: 20,
     admin_per_minute: 10}
monitoring:
  resources:
    cpu: {for: 3, leave_warning: 65, leave_critical: 85}
    memory: {for: 3, leave_warning: 65, leave_critical: 85}
    disk: {for: 3, leave_warning: 65, leave_critical: 85}
reports: {timezone: "UTC", scheduled: [{name: r, cron: "@daily", timezone: ""}]}
storage: {retention_days: {events: 90, deliveries: 90, audit: 400, builds: 400, samples: 30}}
"""


def block(name: str) -> Any:
    text = (GOOD / f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(re.sub(r"\$\{(\w+)\}", lambda found: VALUES.get(found[1], f"value-of-{found[1]}"), text))


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_of_the_specification_is_valid(name: str) -> None:
    assert Config.model_validate(block(name)) != Config()


def test_the_specification_has_fifteen_blocks() -> None:
    assert len(BLOCKS) == 15


@pytest.mark.parametrize("name", BLOCKS)
def test_a_dump_of_a_configuration_is_that_configuration(name: str) -> None:
    config = Config.model_validate(block(name))
    assert Config.model_validate(config.model_dump()) == config


def test_the_full_example_means_what_it_says() -> None:
    config = Config.model_validate(block("full_configuration_example"))
    assert [str(each) for each in config.notifications.all_recipients()] == [
        "sms:DevOps Lead",
        "email:devops@musclemap.me",
        "webhook:Custom Monitoring",
        "slack:#buildnet",
    ]
    assert config.remote_control.allowed_numbers == {"+1987654321"}
    assert [report.period for report in config.reports.scheduled] == ["24h", "7d", "30d"]


def test_every_key_beyond_the_specification_is_understood() -> None:
    Config.model_validate(yaml.safe_load(BEYOND))


def test_those_keys_have_the_documented_defaults() -> None:
    written = yaml.safe_load(BEYOND)
    written["agent"]["api"]["public_base_url"] = ""  # an example, no default
    for section in ("agent", "engine", "storage"):
        assert Config.model_validate({section: written[section]}) == Config()
    assert Config.model_validate({"remote_control": {"rate_limit": written["remote_control"]["rate_limit"]}}) == Config()


# The schema


SCHEMA = Config.model_json_schema(by_alias=True, mode="validation")


def sections() -> Iterator[tuple[str, Any]]:
    yield "Config", SCHEMA
    yield from SCHEMA["$defs"].items()


@pytest.mark.parametrize(("name", "section"), [(name, section) for name, section in sections() if "properties" in section])
def test_every_key_is_described_and_no_other_is_allowed(name: str, section: Any) -> None:
    assert section["additionalProperties"] is False
    for key, schema in section["properties"].items():
        # A description that only repeats the section's own is left to the reference.
        described = schema if "description" in schema else SCHEMA["$defs"].get(schema.get("$ref", "").rpartition("/")[2], {})
        assert key == "thresholds" or described.get("description", "").endswith("."), f"{name}.{key} needs a description"


def test_the_schema_knows_every_spelling() -> None:
    cpu = SCHEMA["$defs"]["Cpu"]["properties"]
    assert {"warning", "warning_percent", "thresholds", "for"} <= cpu.keys()
    assert {"warning", "critical_percent"} <= cpu["thresholds"]["properties"].keys()
    assert {"webhook", "webhooks"} <= SCHEMA["$defs"]["Channels"]["properties"].keys()
    assert "from" in SCHEMA["$defs"]["Email"]["properties"]


def test_the_schema_marks_secrets() -> None:
    token = SCHEMA["$defs"]["Slack"]["properties"]["bot_token"]["anyOf"][0]
    assert token["format"] == "password"
    assert SCHEMA["$defs"]["Webhook"]["properties"]["url"]["format"] == "password"
    assert SCHEMA["$defs"]["Webhook"]["properties"]["headers"]["additionalProperties"]["format"] == "password"


def test_a_section_never_changes_and_defers_its_build() -> None:
    waiting: list[type[Section]] = [Section]
    while waiting:
        section = waiting.pop()
        waiting += section.__subclasses__()
        config = section.model_config
        is_ours = section.__module__.startswith("buildnet_cli.config")
        assert (config["frozen"], config["extra"], config["defer_build"]) == (True, "forbid" if is_ours else "ignore", True)
