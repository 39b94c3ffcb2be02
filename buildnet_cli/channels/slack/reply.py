"""What a command came to, as Slack shows it to whoever asked. Pure.

Source: Slack "Enabling interactivity with slash commands" (response_type), "Handling user interaction" (replace_original), "Block
Kit": section 3,000, button text 75, value 2,000; confirm dialog title 100, text 300, buttons 30.
"""

from __future__ import annotations

from typing import Any

from buildnet_cli.channels.button import Button
from buildnet_cli.channels.slack.blocks import escape
from buildnet_cli.clock import from_rfc3339
from buildnet_cli.commands.model import CommandResult, CommandStatus
from buildnet_cli.messages.fit import drop_unsafe, fit

_TEXT = 2_600
_HINT = 300
_BUTTON = 75
_DIALOG_TITLE = 100
_DIALOG_TEXT = 300


def response(result: CommandResult, asker: str) -> dict[str, Any]:
    """What a slash command is answered with, at once or later. Everybody sees what goes on from here; all else is for the asker.

    asker: the `Inbound`'s identifier of whoever asked, who alone may press its buttons.
    """
    is_open = result.status is CommandStatus.ACCEPTED
    return {"response_type": "in_channel" if is_open else "ephemeral", **message(result, asker)}


def replacement(result: CommandResult, asker: str) -> dict[str, Any]:
    """What takes the place of the message whose button was pressed."""
    return {"replace_original": True, **message(result, asker)}


def message(result: CommandResult, asker: str) -> dict[str, Any]:
    """`{text, blocks}`. `text` is what notifications and screen readers tell."""
    told = drop_unsafe(result.message).replace("```", "'''")
    hint = fit(drop_unsafe(result.hint), _HINT, escape)
    # Several lines are a table: they keep their columns.
    shown = f"```\n{fit(told, _TEXT, escape)}\n```" if "\n" in told.strip() else fit(told, _TEXT, escape)
    blocks = [_section(shown or "-"), *([_section(hint)] if hint else [])]
    if result.status is CommandStatus.CONFIRMATION_REQUIRED:
        blocks += [_section(_question(result)), _buttons(result, asker)]
    return {"text": fit("\n".join(filter(None, (told, drop_unsafe(result.hint)))), _TEXT, escape), "blocks": blocks}


def _question(result: CommandResult) -> str:
    code, expires_at = result.result.get("code"), result.result.get("expires_at")
    until = ""
    if isinstance(expires_at, str):
        moment = from_rfc3339(expires_at)
        until = f" It expires at <!date^{int(moment.timestamp())}^{{time}}|{moment:%H:%M} UTC>."
    if isinstance(code, str):
        return f"Press a button, or send `/buildnet yes {fit(code, 20, escape)}`.{until}"
    return f"The code was sent elsewhere: send `/buildnet yes CODE`.{until}"


def _buttons(result: CommandResult, asker: str) -> dict[str, Any]:
    """Without the code, nothing can be confirmed by a button."""
    code = result.result.get("code")
    elements: list[dict[str, Any]] = []
    if isinstance(code, str):
        run = _button(f"Run {result.command}", Button("CONFIRM", result.request_id, asker, code))
        elements.append({**run, "style": "danger", "confirm": _dialog(result)})
    elements.append(_button("Cancel", Button("CANCEL", result.request_id, asker)))
    return {"type": "actions", "elements": elements}


def _button(label: str, button: Button) -> dict[str, Any]:
    return {"type": "button", "action_id": button.word.lower(), "text": _plain(label, _BUTTON), "value": button.value}


def _dialog(result: CommandResult) -> dict[str, Any]:
    """Slack asks this once more before it tells us of the press."""
    return {
        "title": _plain(f"{result.command}?", _DIALOG_TITLE),
        "text": _plain(result.message, _DIALOG_TEXT),
        "confirm": _plain("Run it", 30),
        "deny": _plain("Back", 30),
    }


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": fit(drop_unsafe(text), limit) or "-", "emoji": False}
