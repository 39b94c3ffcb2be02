"""From text to configuration: YAML 1.2 values, limits, and every problem at its line in words."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli import redact
from buildnet_cli.config.document import Document, read_document
from buildnet_cli.config.loader import Loaded, load_text
from buildnet_cli.config.origin import Origins, dotted, parse_key
from buildnet_cli.config.problems import InvalidConfigError, Page, Problem, Severity, as_text
from buildnet_cli.config.schema import sample
from buildnet_cli.errors import UsageError

FILE = ".buildnet/notifications.yaml"


def load(text: str, environ: dict[str, str] | None = None) -> Loaded:
    return load_text(text, FILE, lambda _: None, environ=environ or {})


def problems_of(text: str, environ: dict[str, str] | None = None) -> tuple[Problem, ...]:
    with pytest.raises(InvalidConfigError) as caught:
        load(text, environ)
    return caught.value.problems


def document(text: str) -> Document:
    return read_document(text, Page(FILE, text))


@pytest.mark.parametrize(
    "text", ["", "# nothing but a comment\n", "\ufeffnotifications: {}\n", "notifications:\r\n  enabled: true\r\n"]
)
def test_an_empty_file_a_mark_and_windows_line_ends_are_fine(text: str) -> None:
    assert load(text).config.notifications.enabled


def test_all_problems_of_a_file_are_told_at_once_and_in_order() -> None:
    text = (
        "notification: {}\n"
        "notifications:\n"
        "  settings:\n"
        "    dedupe_window_secs: 5\n"
        "    default_priority: urgent\n"
        "  channels:\n"
        "    slack: {bot_token: '${BN_NOT_SET}', default_channel: no}\n"
        "monitoring: {interval_secs: fast}\n"
    )
    found = [(problem.line, problem.path) for problem in problems_of(text)]
    assert found == [
        (1, "notification"),
        (4, "notifications.settings.dedupe_window_secs"),
        (5, "notifications.settings.default_priority"),
        (7, "notifications.channels.slack.bot_token"),
        (7, "notifications.channels.slack.default_channel"),
        (8, "monitoring.interval_secs"),
    ]


def test_an_unknown_key_is_met_with_the_nearest_known_one() -> None:
    (problem,) = problems_of("notifications:\n  enabled: true\n\n\n  chanels:\n    sms: {}\n")
    assert as_text([problem]) == (
        '.buildnet/notifications.yaml:5:3 error: unknown key "chanels", did you mean "channels"?\n'
        "     5 |   chanels:\n"
        "       |   ^^^^^^^\n"
    )


def test_an_unknown_key_that_is_like_none_is_met_with_all_of_them() -> None:
    (problem,) = problems_of("storage: {zzz: 1}\n")
    assert problem.message == 'unknown key "zzz"'
    assert problem.hint == "known here: retention_days"


def test_what_stands_behind_an_unknown_key_is_not_shown() -> None:
    text = "notifications: {channels: {slack: {enabled: false, bot_tkn: xoxb-99-quite-private}}}\n"
    assert "quite-private" not in as_text(problems_of(text))


def test_a_missing_key_is_told_at_its_entry() -> None:
    (problem,) = problems_of("packages:\n  - name: a\n    path: .\n")
    assert problem.message == 'packages[0] needs "build_cmd"'
    assert (problem.line, problem.path) == (2, "packages[0].build_cmd")


def test_a_refused_secret_is_shown_nowhere() -> None:
    text = "remote_control:\n  authentication:\n    api_keys:\n      - {name: k, permissions: ['*'], key: zqzq-too-short}\n"
    (problem,) = problems_of(text)
    assert problem.path.startswith("remote_control.authentication.api_keys[0]")
    assert "zqzq" not in as_text([problem]) + str(problem.as_dict())


def test_secrets_are_masked_everywhere_once_they_are_loaded() -> None:
    loaded = load("notifications: {channels: {slack: {bot_token: xoxb-once-loaded-1, default_channel: '#b'}}}\n")
    assert redact.scrub("token xoxb-once-loaded-1") == "token ***"
    assert ("notifications", "channels", "slack", "bot_token") in loaded.secrets


def test_an_ordinary_header_is_not_masked_but_its_neighbours_are() -> None:
    load(
        "notifications:\n  channels:\n    webhooks:\n      - name: n\n        url: https://h.test/\n"
        "        headers: {Content-Type: application/json, X-Auth: zq-header-secret}\n"
    )
    assert redact.scrub("application/json zq-header-secret") == "application/json ***"


def test_a_section_that_is_off_may_hold_references_that_nothing_resolves() -> None:
    text = (
        "notifications: {channels: {slack: {enabled: false, bot_token: '${BN_NOT_SET}'}}}\n"
        "remote_control: {enabled: false, authentication: {api_keys: [{name: k, key: '${K}', permissions: ['*']}]}}\n"
    )
    loaded = load(text)
    assert loaded.config.remote_control.enabled is False
    assert redact.scrub("${BN_NOT_SET}") == "${BN_NOT_SET}"


def test_numbers_and_switches_may_come_from_variables() -> None:
    text = "agent: {api: {port: '${BN_PORT}', listen: '${BN_LISTEN:-false}'}}\n"
    loaded = load(text, {"BN_PORT": "9912"})
    assert loaded.config.agent.api.port == 9912
    assert loaded.config.agent.api.listen is False
    assert loaded.references[("agent", "api", "port")] == "${BN_PORT}"


def test_a_value_knows_where_it_was_written() -> None:
    loaded = load("agent:\n  api:\n    port: 9912\npackages:\n  - name: a\n    path: .\n    build_cmd: make\n")
    assert loaded.origins.origin_of("agent.api.port") == f"{FILE}:3:11"
    assert loaded.origins.origin_of("agent.api") == f"{FILE}:2:3"
    assert loaded.origins.origin_of("packages[0].name") == f"{FILE}:5:11"
    assert loaded.origins.origin_of("agent.api.host") == "default"


def test_what_is_valid_and_yet_doubtful_is_a_warning() -> None:
    room = "{id: C0123456789, events: [build.faild]}"
    text = f"notifications: {{channels: {{slack: {{bot_token: xoxb-some-token-x, channels: [{room}]}}}}}}\n"
    warnings = [problem for problem in load(text).problems if "build.faild" in problem.message]
    assert [(problem.severity, problem.line) for problem in warnings] == [(Severity.WARNING, 1)]


def test_twenty_kilobytes_load_in_a_moment() -> None:
    text = sample(full=True)
    assert len(text) > 15_000
    load(text)
    start = time.perf_counter()
    load(text)
    assert time.perf_counter() - start < 0.25  # 0.02 on an idle machine


@pytest.mark.parametrize("key", ["a", "a.b-c", "a[0].b", 'headers["X.Y"].z', "a[0][1]"])
def test_a_key_is_read_as_it_is_written(key: str) -> None:
    assert dotted(parse_key(key)) == key


@pytest.mark.parametrize("key", ["", ".", "a.", ".a", "a..b", "a[x]", "a[-1]", "a b", "a[0]b", 'a["x'])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(UsageError, match="no configuration key"):
        parse_key(key)


PATHS = st.lists(st.one_of(st.text(alphabet=st.characters(exclude_characters='"')), st.integers(0, 99)), min_size=1, max_size=5)


@given(PATHS.filter(lambda path: isinstance(path[0], str)))
def test_every_path_survives_being_written_and_read(path: list[str | int]) -> None:
    assert parse_key(dotted(tuple(path))) == tuple(path)


@given(
    st.recursive(st.sampled_from(["a", "&x a", "*x", "!!int 1", "'q'", "0123", ": ", "- b", "{", "]"]), st.lists, max_leaves=20)
)
def test_any_mixture_of_yaml_signs_is_a_document_or_a_problem(parts: object) -> None:
    text = str(parts).replace("', '", "\n")
    with contextlib.suppress(InvalidConfigError):
        assert load(text).config


def test_origins_answer_for_what_was_not_written_with_the_nearest_section() -> None:
    root = document("a:\n  b: 1\n").root
    assert root is not None
    place = Origins(FILE, root).place_of(("a", "c", "d"))
    assert (place.line, place.column) == (1, 1)
