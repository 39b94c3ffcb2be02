"""Editing real files: what is written, what is kept, what is refused and leaves the file as it was."""

from __future__ import annotations

import os
import stat
import threading
from datetime import datetime
from pathlib import Path

import pytest

from buildnet_cli.config.edit import Editor
from buildnet_cli.config.history import MOST_VERSIONS, History
from buildnet_cli.config.loader import load
from buildnet_cli.config.problems import InvalidConfigError
from buildnet_cli.config.view import get, shown
from buildnet_cli.errors import ConflictError, NotFoundError, StorageError, UsageError
from tests.support.clocks import FakeClock

pytestmark = pytest.mark.integration

TEXT = """\
notifications:
  settings:
    dedup_window_secs: 300  # five minutes
  channels:
    slack:
      bot_token: "${BN_SLACK}"
      default_channel: "#builds"
    webhooks:
      - name: Numbers
        url: https://h.test/
        auth: {type: bearer, token: zq-literal-token}
"""
ENVIRON = {"BN_SLACK": "xoxb-zq-editor-1"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / ".buildnet" / "notifications.yaml"
    path.parent.mkdir(mode=0o700)
    path.write_text(TEXT, encoding="utf-8")
    path.chmod(0o640)
    return path


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History.of_state(tmp_path / ".buildnet")


@pytest.fixture
def editor(path: Path, history: History) -> Editor:
    return Editor(path, history, lambda _: None, environ=ENVIRON, clock=FakeClock())


def test_a_change_is_written_kept_and_told(editor: Editor, path: Path, history: History) -> None:
    change = editor.set_value("notifications.settings.dedup_window_secs", "120")
    assert path.read_text(encoding="utf-8") == TEXT.replace("300", "120")
    assert change.loaded.config.notifications.settings.dedup_window_secs == 120
    assert change.version.number == 2
    assert [version.text() for version in history.versions()] == [path.read_text(encoding="utf-8"), TEXT]


def test_the_mode_stays_and_nothing_is_left_beside_the_file(editor: Editor, path: Path) -> None:
    editor.set_value("notifications.enabled", "false")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["config-history", "notifications.yaml"]


def test_versions_are_for_their_owner_alone(editor: Editor, history: History) -> None:
    version = editor.set_value("notifications.enabled", "false").version
    assert stat.S_IMODE(version.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(version.path.parent.stat().st_mode) == 0o700
    assert version.path.name == "0002-20240126T120000Z.yaml"
    assert history.version(2).saved_at == FakeClock().now()


def test_a_file_that_is_not_there_is_made_for_its_owner_alone(tmp_path: Path, history: History) -> None:
    path = tmp_path / "new" / "notifications.yaml"
    Editor(path, history, lambda _: None, environ={}).set_value("notifications.enabled", "false")
    assert path.read_text(encoding="utf-8") == "notifications:\n  enabled: false\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_change_that_would_not_load_leaves_the_file_as_it_was(editor: Editor, path: Path, history: History) -> None:
    before = path.stat()
    with pytest.raises(InvalidConfigError, match="dedup_window_secs must be a whole number"):
        editor.set_value("notifications.settings.dedup_window_secs", "soon")
    with pytest.raises(InvalidConfigError, match="unknown key"):
        editor.merge({"notifications": {"chanels": {}}})
    with pytest.raises(UsageError):
        editor.set_value("not a key", "1")
    assert path.read_text(encoding="utf-8") == TEXT
    assert path.stat().st_ino == before.st_ino
    assert history.versions() == []


def test_a_file_with_an_error_can_be_repaired_by_key(editor: Editor, path: Path) -> None:
    path.write_text(TEXT.replace("300", "now"), encoding="utf-8")
    editor.set_value("notifications.settings.dedup_window_secs", "300")
    assert path.read_text(encoding="utf-8") == TEXT


def test_a_link_to_the_file_stays_a_link(editor: Editor, path: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.yaml"
    path.rename(real)
    path.symlink_to(real)
    editor.set_value("notifications.enabled", "false")
    assert path.is_symlink()
    assert "enabled: false" in real.read_text(encoding="utf-8")


def test_a_rollback_brings_a_version_back_as_the_newest_one(editor: Editor, path: Path) -> None:
    editor.set_value("notifications.enabled", "false")
    change = editor.rollback(1)
    assert path.read_text(encoding="utf-8") == TEXT
    assert change.version.number == 3
    with pytest.raises(NotFoundError, match="no version 9; kept are 1 to 3"):
        editor.rollback(9)


def test_a_version_that_no_longer_loads_is_not_brought_back(editor: Editor, path: Path, history: History) -> None:
    history.keep("notifications: {chanels: {}}\n", FakeClock().now())
    with pytest.raises(InvalidConfigError, match="unknown key"):
        editor.rollback(1)
    assert path.read_text(encoding="utf-8") == TEXT


def test_the_last_twenty_versions_are_kept_and_numbers_go_on(editor: Editor, history: History) -> None:
    for seconds in range(1, 26):
        editor.set_value("notifications.settings.dedup_window_secs", str(seconds))
    numbers = [version.number for version in history.versions()]
    assert len(numbers) == MOST_VERSIONS
    assert numbers == list(range(26, 6, -1))


def test_an_edit_by_hand_is_kept_before_it_is_changed(editor: Editor, path: Path, history: History) -> None:
    editor.set_value("notifications.enabled", "false")
    by_hand = path.read_text(encoding="utf-8") + "# by hand\n"
    path.write_text(by_hand, encoding="utf-8")
    editor.set_value("notifications.enabled", "true")
    assert by_hand in [version.text() for version in history.versions()]


def test_an_edit_by_hand_in_between_is_not_overwritten(path: Path, history: History) -> None:
    class Meddling(FakeClock):
        """Somebody writes the file between reading it and replacing it."""

        def now(self) -> datetime:
            path.write_text(TEXT + "# mine\n", encoding="utf-8")
            return super().now()

    with pytest.raises(ConflictError, match="changed by somebody else"):
        Editor(path, history, lambda _: None, environ=ENVIRON, clock=Meddling()).set_value("notifications.enabled", "false")
    assert path.read_text(encoding="utf-8") == TEXT + "# mine\n"


def test_editors_at_the_same_time_lose_nothing(path: Path, history: History) -> None:
    keys = ["dedup_window_secs", "batch_max", "rate_limit.max_per_minute", "rate_limit.max_per_hour"]

    def edit(key: str) -> None:
        Editor(path, history, lambda _: None, environ=ENVIRON).set_value(f"notifications.settings.{key}", "7")

    threads = [threading.Thread(target=edit, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    settings = load(path, lambda _: None, environ=ENVIRON).config.notifications.settings
    assert [settings.dedup_window_secs, settings.batch_max] == [7, 7]
    assert [settings.rate_limit.max_per_minute, settings.rate_limit.max_per_hour] == [7, 7]


@pytest.mark.needs_privilege
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; needs an ordinary user")
def test_a_folder_that_cannot_be_written_is_told(editor: Editor, path: Path) -> None:
    path.parent.chmod(0o500)
    with pytest.raises(StorageError, match="permission denied"):
        editor.set_value("notifications.enabled", "false")


def test_a_patch_keeps_the_secrets_that_were_shown_as_asterisks(editor: Editor, path: Path) -> None:
    seen = get(load(path, lambda _: None, environ=ENVIRON), "notifications.channels")
    assert seen["slack"]["bot_token"] == "${BN_SLACK}"
    assert seen["webhooks"][0]["auth"]["token"] == "***"
    editor.merge({"notifications": {"channels": {"webhooks": [{**seen["webhooks"][0], "timeout_secs": 3}]}}})
    webhook = load(path, lambda _: None, environ=ENVIRON).config.notifications.channels.webhooks[0]
    assert webhook.timeout_secs == 3
    assert webhook.auth is not None
    assert webhook.auth.token is not None
    assert webhook.auth.token.get_secret_value() == "zq-literal-token"


def test_no_secret_is_shown(path: Path) -> None:
    loaded = load(path, lambda _: None, environ=ENVIRON)
    assert "zq" not in str(shown(loaded))


def test_a_value_is_shown_by_its_key_defaults_too(path: Path) -> None:
    loaded = load(path, lambda _: None, environ=ENVIRON)
    assert get(loaded, "notifications.settings.dedup_window_secs") == 300
    assert get(loaded, "agent.api.port") == 9876
    assert get(loaded, "notifications.channels.webhooks[0].name") == "Numbers"
    with pytest.raises(NotFoundError, match='no key "chanels"') as caught:
        get(loaded, "notifications.chanels")
    assert caught.value.hint == "did you mean notifications.channels?"
    with pytest.raises(NotFoundError, match="has 1 entries"):
        get(loaded, "notifications.channels.webhooks[4]")
