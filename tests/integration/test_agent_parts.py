"""A part of the agent that ends is never silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildnet_cli.agent.launch import run_agent
from buildnet_cli.delivery.dispatcher import Dispatcher
from buildnet_cli.paths import find_workspace
from buildnet_cli.store import events
from buildnet_cli.store.database import open_readonly

pytestmark = pytest.mark.integration


def test_an_agent_whose_dispatcher_ends_says_so_and_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def end_at_once(self: Dispatcher) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(Dispatcher, "run", end_at_once)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    tmp_path.chmod(0o700)
    state = tmp_path / "project" / ".buildnet"
    state.mkdir(parents=True, mode=0o700)
    (state / "notifications.yaml").write_text("agent: {api: {listen: false}}\n")
    (state / "notifications.yaml").chmod(0o600)
    workspace = find_workspace(project=state.parent, environ={})

    assert run_agent(workspace, ready_fd=None) == 1

    with open_readonly(workspace.database) as db:
        told = [event.type for event in events.page(db, limit=10).items]
    assert told == ["daemon.stopped", "daemon.error", "daemon.started"]
    assert "a mistake of ours" in capsys.readouterr().err
    assert not workspace.socket_link.is_symlink()
