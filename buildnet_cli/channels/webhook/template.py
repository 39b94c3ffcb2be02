"""The templates that operators put in the place of an endpoint's body: compiled, and checked before anything is sent."""

from __future__ import annotations

from buildnet_cli.channels.webhook import payload
from buildnet_cli.config.channels.webhook import Webhook
from buildnet_cli.config.loader import Loaded
from buildnet_cli.config.origin import KeyPath, dotted
from buildnet_cli.config.problems import Page, Problem, Severity, visible
from buildnet_cli.errors import ConfigError
from buildnet_cli.messages.template import JsonTemplate, TextTemplate

Template = JsonTemplate | TextTemplate


def content_type_of(webhook: Webhook) -> str:
    """As configured among the headers, else JSON."""
    given = (value.get_secret_value() for name, value in webhook.headers.items() if name.lower() == "content-type")
    return next(given, "application/json")


def compiled(webhook: Webhook) -> Template | None:
    """The endpoint's template: a JSON document if its content type is JSON, else text; None if it has none.

    Raises ConfigError, with the line, if it is not valid.
    """
    if webhook.template is None:
        return None
    kind = JsonTemplate if payload.is_json(content_type_of(webhook)) else TextTemplate
    return kind.parse(webhook.template)


def check(loaded: Loaded) -> list[Problem]:
    """What is wrong with the templates of the endpoints that are on.

    An error for one that is not valid: the built-in form would be sent instead. A warning for one that is read otherwise than it
    is written.
    """
    page, problems = Page(loaded.file, loaded.text), []
    for index, webhook in enumerate(loaded.config.notifications.channels.webhooks):
        path: KeyPath = ("notifications", "channels", "webhooks", index, "template")
        for severity, message, hint in _flaws_of(webhook) if webhook.enabled else ():
            text = f"{dotted(path)}: {visible(message)}"
            problems.append(page.problem(severity, text, loaded.origins.place_of(path), hint=hint, path=path))
    return problems


def _flaws_of(webhook: Webhook) -> list[tuple[Severity, str, str]]:
    try:
        template = compiled(webhook)
    except ConfigError as exc:
        return [(Severity.ERROR, f"{exc.message} ({exc.where})" if exc.where else exc.message, exc.hint)]
    return [(Severity.WARNING, warning, "") for warning in (template.warnings if template is not None else ())]
