"""Credentials written into the file get names of their own."""

from __future__ import annotations

from buildnet_cli.config.literals import names_of
from buildnet_cli.config.loader import load_text

TEXT = """
notifications:
  channels:
    slack: {enabled: true, bot_token: "xoxb-literal-one", default_channel: "#builds"}
    webhooks:
      - {name: "Team Hook", url: "https://hooks.example.com/literal-two"}
      - {name: "Team-Hook 2", url: "https://hooks.example.com/literal-three", auth: {type: bearer, token: "${TOKEN}"}}
      - {name: "Local", url: "http://127.0.0.1:9899/hooks/local"}
remote_control:
  authentication:
    api_keys:
      - {key: "Zk3vT9qLw2XbN7mRj5Hc8YdP", name: "ci", permissions: ["status"]}
"""


def test_each_literal_credential_is_named_after_its_place() -> None:
    loaded = load_text(TEXT, "notifications.yaml", lambda name: None, environ={"TOKEN": "a-token-from-outside"})
    assert {name: loaded.literals[path] for path, name in names_of(loaded).items()} == {
        "SLACK_BOT_TOKEN": "xoxb-literal-one",
        "WEBHOOKS_TEAM_HOOK_URL": "https://hooks.example.com/literal-two",
        "WEBHOOKS_TEAM_HOOK_2_URL": "https://hooks.example.com/literal-three",
        "API_KEYS_CI_KEY": "Zk3vT9qLw2XbN7mRj5Hc8YdP",
    }


def test_two_places_never_share_a_name_nor_take_one_in_use() -> None:
    text = """
notifications:
  channels:
    webhooks:
      - {name: "a b", url: "https://one.example.com/x"}
      - {name: "a-b", url: "https://two.example.com/x", auth: {type: bearer, token: "${WEBHOOKS_A_B_URL}"}}
"""
    loaded = load_text(text, "notifications.yaml", lambda name: None, environ={"WEBHOOKS_A_B_URL": "something-else"})
    assert sorted(names_of(loaded).values()) == ["WEBHOOKS_A_B_URL_2", "WEBHOOKS_A_B_URL_3"]


def test_a_literal_is_not_shown_by_the_object_that_holds_it() -> None:
    loaded = load_text(TEXT, "notifications.yaml", lambda name: None, environ={"TOKEN": "a-token-from-outside"})
    assert "literal-" not in repr(loaded)
