"""A configuration file that somebody changes from afar."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildnet_cli.config.edit import Editor
from buildnet_cli.config.history import History
from buildnet_cli.errors import DeniedError

pytestmark = pytest.mark.integration


@pytest.fixture
def editor(tmp_path: Path) -> Editor:
    path = tmp_path / "notifications.yaml"
    path.write_text(
        "notifications:\n  settings: {batch_max: 50}  # kept\n  channels:\n"
        "    slack: {enabled: true, bot_token: '${TOKEN}', default_channel: '#builds'}\n"
    )
    path.chmod(0o600)
    return Editor(path, History(tmp_path / "versions"), {"TOKEN": "xoxb-1-2-abc"}.get, environ={}, is_remote=True)


def test_a_patch_that_repeats_a_masked_secret_changes_the_rest(editor: Editor) -> None:
    patch = {"notifications": {"settings": {"batch_max": 60}, "channels": {"slack": {"bot_token": "***"}}}}
    after = editor.merge(patch).after
    assert "batch_max: 60}  # kept" in after
    assert "${TOKEN}" in after


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("notifications.channels.slack.bot_token", "xoxb-9-9-mine"),
        ("notifications.channels.slack.default_channel", "${TOKEN}"),
        ("notifications.channels.slack", "{enabled: true}"),
        ("remote_control.authentication.api_keys", "[]"),
        ("remote_control.nonsense", "1"),
    ],
)
def test_nothing_protected_is_written_from_afar(key: str, value: str, editor: Editor) -> None:
    with pytest.raises(DeniedError):
        editor.set_value(key, value)
    with pytest.raises(DeniedError):
        editor.try_value(key, value)
