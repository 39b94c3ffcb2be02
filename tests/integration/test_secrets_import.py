"""`secrets import` moves credentials out of the configuration, and nothing of them stays behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

CANARY = "canary-0123456789abcdef"


def run(project: Path, *args: str) -> subprocess.CompletedProcess[str]:
    home = project / "home"
    home.mkdir(exist_ok=True)
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "BUILDNET_SECRETS_DIR": str(home / "secrets"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    return subprocess.run([sys.executable, "-m", "buildnet_cli", *args], cwd=project, env=environ, capture_output=True, text=True)


def test_literals_leave_the_file_and_its_history_and_the_configuration_still_loads(tmp_path: Path) -> None:
    config = tmp_path / ".buildnet" / "notifications.yaml"
    config.parent.mkdir(mode=0o700)
    config.write_text(
        "notifications:\n  channels:\n    webhooks:\n"
        f'      - name: "Team"                 # ours\n        url: "https://hooks.example.com/{CANARY}"\n'
    )
    config.chmod(0o600)
    assert run(tmp_path, "config", "set", "notifications.settings.dedup_window_secs", "120").returncode == 0

    imported = run(tmp_path, "secrets", "import")

    assert (imported.returncode, imported.stdout) == (0, "WEBHOOKS_TEAM_URL\tfile\n"), imported.stderr
    assert 'url: "${WEBHOOKS_TEAM_URL}"' in config.read_text()
    assert "# ours" in config.read_text()
    left = [path for path in tmp_path.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert left == []
    assert run(tmp_path, "config", "validate").returncode == 0
    assert CANARY not in run(tmp_path, "config", "show").stdout
    assert run(tmp_path, "secrets", "import").stdout == "Nothing to import\n"


def test_names_need_from_env(tmp_path: Path) -> None:
    (tmp_path / ".buildnet").mkdir(mode=0o700)
    refused = run(tmp_path, "secrets", "import", "TOKEN")
    assert refused.returncode == 2
    assert "--from-env" in refused.stderr
