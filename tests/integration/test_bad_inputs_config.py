"""Every bad configuration of tests/data/bad_inputs.yaml, written to a file and loaded."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from buildnet_cli.config.loader import Loaded, load
from buildnet_cli.config.problems import InvalidConfigError, Severity, as_github, as_text
from buildnet_cli.config.view import shown
from buildnet_cli.errors import Kind
from tests.support.bad_inputs import CANARIES, FIXTURES, Case, base_configuration, cases, prepare

pytestmark = pytest.mark.integration

CONFIG = cases(surface="config")

# Cases of the surface `path` that the loader alone decides.
FILES = [case for case in cases(surface="path") if case.input.get("fixture", "").startswith("config_path_is")]
FRAGMENTS = [case for case in cases(surface="path") if "fragment" in case.input]

CONFIG_INVALID = 3


def outcome(path: Path, env: dict[str, str]) -> tuple[int, str, Loaded | None]:
    """The exit code that the terminal would give, what it would print in any format, and the configuration."""
    try:
        loaded = load(path, lambda _: None, environ=env)
    except InvalidConfigError as exc:
        refused = exc
    else:
        return 0, as_text(loaded.problems) + str(shown(loaded)), loaded
    problems = refused.problems
    assert refused.kind is Kind.CONFIG
    assert any(problem.severity is Severity.ERROR for problem in problems)
    formats = (refused.report(), as_github(problems), str([problem.as_dict() for problem in problems]))
    return CONFIG_INVALID, "".join((*formats, refused.message, refused.hint)), None


@pytest.mark.parametrize("case", [*CONFIG, *FRAGMENTS], ids=lambda case: case.id)
def test_a_bad_configuration_is_met_as_it_should_be(case: Case, tmp_path: Path) -> None:
    prepared = prepare(case)
    path = prepared.write(tmp_path)
    start = time.perf_counter()
    code, text, loaded = outcome(path, dict(prepared.env))
    elapsed_ms = (time.perf_counter() - start) * 1000
    assert code in case.exit_codes, text
    assert ("reject" in case.outcomes) if code else (set(case.outcomes) - {"reject"}), text
    for kind in ("error_has",) if loaded is None else ("warn_has", "output_has"):
        assert not case.missing_in(text, kind), text
    assert not case.unwanted_in(text), text
    assert elapsed_ms <= case.max_ms


@pytest.mark.parametrize("case", FILES, ids=lambda case: case.id)
def test_what_is_no_regular_file_is_refused_without_waiting(case: Case, tmp_path: Path) -> None:
    FIXTURES[case.input["fixture"]](tmp_path)
    start = time.perf_counter()
    code, text, _ = outcome(tmp_path / ".buildnet" / "notifications.yaml", {})
    assert code in case.exit_codes
    assert not case.missing_in(text, "error_has"), text
    assert (time.perf_counter() - start) * 1000 <= case.max_ms


@pytest.mark.parametrize(
    ("id", "path", "value"),
    [
        ("CFG-018", "notifications.settings.quiet_hours.start", "22:00"),
        ("CFG-018", "notifications.settings.quiet_hours.end", "08:00"),
        ("CFG-023", "notifications.channels.telegram.allowed_users[0].id", "123456789"),
        ("TEL-015", "notifications.channels.sms.recipients[0].phone", "+19876543210"),
    ],
)
def test_a_value_that_is_taken_after_a_change_is_the_right_one(id: str, path: str, value: str, tmp_path: Path) -> None:
    from buildnet_cli.config.view import get

    (case,) = [case for case in CONFIG if case.id == id]
    prepared = prepare(case)
    loaded = load(prepared.write(tmp_path), lambda _: None, environ=prepared.env)
    assert get(loaded, path) == value


def test_a_secret_that_looks_like_a_reference_is_taken_literally(tmp_path: Path) -> None:
    (case,) = [case for case in CONFIG if case.id == "CFG-087"]
    prepared = prepare(case)
    slack = load(prepared.write(tmp_path), lambda _: None, environ=prepared.env).config.notifications.channels.slack
    assert slack is not None
    assert slack.bot_token is not None
    assert slack.bot_token.get_secret_value() == case.expect["result"]


def test_the_base_configuration_loads_and_holds_every_canary(tmp_path: Path) -> None:
    prepared = prepare(Case("base", "", "config", {"json": base_configuration()}, {}))
    loaded = load(prepared.write(tmp_path), lambda _: None, environ=CANARIES)
    used = {written.strip("${}") for written in loaded.references.values()}
    assert used == set(CANARIES)
    assert not any(problem.severity is Severity.WARNING for problem in loaded.problems), as_text(loaded.problems)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match="no configuration file") as caught:
        load(tmp_path / "notifications.yaml", lambda _: None)
    assert caught.value.hint == "buildnet-notify init"


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match="a directory, not a regular file"):
        load(tmp_path, lambda _: None)


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "notifications.yaml"
    with path.open("wb") as file:
        file.truncate(50 * 1024**3)
    with pytest.raises(InvalidConfigError, match="larger than 1024 KiB"):
        load(path, lambda _: None)


def test_what_is_not_text_is_refused_at_its_byte(tmp_path: Path) -> None:
    path = tmp_path / "notifications.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(InvalidConfigError, match="byte 0xff") as caught:
        load(path, lambda _: None)
    assert caught.value.where == f"{path}:2:4"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_how_to_read(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "notifications.yaml"
    path.write_bytes("notifications: {enabled: false}\n".encode(encoding))
    assert load(path, lambda _: None).config.notifications.enabled is False


@pytest.mark.parametrize(("mode", "is_trusted"), [(0o600, True), (0o640, True), (0o644, True), (0o602, False), (0o666, False)])
def test_a_file_that_others_may_write_is_not_trusted(mode: int, is_trusted: bool, tmp_path: Path) -> None:
    path = tmp_path / "notifications.yaml"
    path.write_text("notifications: {}\n", encoding="utf-8")
    path.chmod(mode)
    if is_trusted:
        load(path, lambda _: None)
        return
    with pytest.raises(InvalidConfigError, match="it must be 0600"):
        load(path, lambda _: None)


@pytest.mark.needs_privilege
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file to somebody else")
def test_a_file_of_somebody_else_is_not_trusted(tmp_path: Path) -> None:
    path = tmp_path / "notifications.yaml"
    path.write_text("notifications: {}\n", encoding="utf-8")
    os.chown(path, 12345, 12345)
    with pytest.raises(InvalidConfigError, match="belongs to another user"):
        load(path, lambda _: None)


@pytest.mark.needs_privilege
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file another group")
@pytest.mark.parametrize(("group", "is_trusted"), [(0, True), (12345, False)], ids=["one's own", "another"])
def test_a_file_is_trusted_to_one_s_own_group_only(group: int, is_trusted: bool, tmp_path: Path) -> None:
    path = tmp_path / "notifications.yaml"
    path.write_text("notifications: {}\n", encoding="utf-8")
    path.chmod(0o660)
    os.chown(path, 0, group)
    if is_trusted:
        load(path, lambda _: None)
        return
    with pytest.raises(InvalidConfigError, match="it must be 0600"):
        load(path, lambda _: None)
