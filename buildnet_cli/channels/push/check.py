"""Whether the credentials of a configuration are a service account's, told before anything is sent."""

from __future__ import annotations

from buildnet_cli.channels.push.access import document
from buildnet_cli.channels.push.account import read_account
from buildnet_cli.config.loader import Loaded
from buildnet_cli.config.origin import KeyPath, dotted
from buildnet_cli.config.problems import Page, Problem, Severity, visible
from buildnet_cli.errors import ConfigError


def check(loaded: Loaded) -> list[Problem]:
    """A warning if they are not; no error, as the file may be on another machine."""
    push = loaded.config.notifications.channels.push
    if push is None or not push.enabled or push.firebase.credentials is None:
        return []
    try:
        read_account(document(push.firebase.credentials.get_secret_value()))
    except ConfigError as exc:
        path: KeyPath = push.path_of("firebase", "credentials")
        page, place = Page(loaded.file, loaded.text), loaded.origins.place_of(path)
        text = f"{dotted(path)}: {visible(exc.message)}"
        return [page.problem(Severity.WARNING, text, place, hint=exc.hint, path=path)]
    return []
