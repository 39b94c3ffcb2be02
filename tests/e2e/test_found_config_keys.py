"""Keys and values of `config set` and `config get`, as the help writes them and as people have them."""

from __future__ import annotations

import re

import pytest

from tests.support.agent import Project, webhook

pytestmark = pytest.mark.e2e


def test_the_keys_that_the_help_names_are_read(project: Project) -> None:
    project.configure(**webhook("http://127.0.0.1:9/hooks/x"))
    told = project.call("config", "get", "--help").must().out
    keys = re.findall(r"[a-z_]+(?:\.[a-z_]+(?:\[\d\])?){2,}", told)
    assert len(set(keys)) == 2, told
    for key in keys:
        project.call("config", "get", key).must()


def test_a_value_may_begin_with_a_hyphen(project: Project) -> None:
    project.configure("notifications:\n  channels:\n    telegram:\n      enabled: false\n      chats: [{id: '-1'}]\n")
    project.call("config", "set", "notifications.channels.telegram.chats[0].id", "-1001234567890").must()
    assert project.call("config", "get", "notifications.channels.telegram.chats[0].id").must().out == "-1001234567890\n"
    refused = project.call("config", "set", "agent.api.port", "-1")
    assert refused.code == 3
    assert "from 0 to 65535" in refused.err
