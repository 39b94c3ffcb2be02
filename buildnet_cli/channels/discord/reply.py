"""What a command came to, as Discord shows it to whoever asked. Pure.

Source: Discord "Receiving and Responding to Interactions": types 4 message, 5 message later, 6 and 7 the same for the message
whose button was pressed; flag 64 shows it to the asker alone. "Component Reference": action row 1, button 2, styles 4 danger, 2
secondary.
"""

from __future__ import annotations

from typing import Any, Final

from buildnet_cli.channels.button import Button
from buildnet_cli.channels.discord.embed import escape
from buildnet_cli.clock import from_rfc3339
from buildnet_cli.commands.model import CommandResult, CommandStatus
from buildnet_cli.messages.fit import drop_unsafe, fit

_MESSAGE, _MESSAGE_LATER, _CHANGE_LATER, _CHANGE = 4, 5, 6, 7
_ASKER_ALONE: Final = 64

_TEXT = 1_600
_HINT = 200
_ROW, _BUTTON = 1, 2
_DANGER, _SECONDARY = 4, 2
_LABEL = 80


def message(result: CommandResult, asker: str) -> dict[str, Any]:
    """The message alone, which takes the place of one that stands there. asker: the `Inbound`'s identifier of whoever asked."""
    is_asked = result.status is CommandStatus.CONFIRMATION_REQUIRED
    told = "\n".join(filter(None, (_told(result.message), _hint(result), _question(result) if is_asked else "")))
    return {
        "content": told if told.strip() else "-",
        "components": [_buttons(result, asker)] if is_asked else [],
        "allowed_mentions": {"parse": []},
    }


def response(result: CommandResult, asker: str, *, is_press: bool) -> dict[str, Any]:
    """The response to an interaction. Everybody sees what goes on from here; all else is for the asker.

    is_press: whether a button was pressed; the message that it stood in then becomes this one.
    """
    if is_press:
        return {"type": _CHANGE, "data": message(result, asker)}
    is_open = result.status is CommandStatus.ACCEPTED
    return {"type": _MESSAGE, "data": {**message(result, asker), **({} if is_open else {"flags": _ASKER_ALONE})}}


def later(*, is_press: bool) -> dict[str, Any]:
    """The response that puts the answer off: within 15 minutes it takes the place of the original message."""
    return {"type": _CHANGE_LATER} if is_press else {"type": _MESSAGE_LATER, "data": {"flags": _ASKER_ALONE}}


def refusal(told: str) -> dict[str, Any]:
    """The response that tells the asker alone."""
    data = {"content": fit(told, _HINT, escape), "flags": _ASKER_ALONE, "allowed_mentions": {"parse": []}}
    return {"type": _MESSAGE, "data": data}


def _told(told: str) -> str:
    """Several lines are a table: they keep their columns."""
    told = drop_unsafe(told)
    if "\n" not in told.strip():
        return fit(told, _TEXT, escape)
    return f"```\n{fit(told.replace('```', chr(39) * 3), _TEXT)}\n```"


def _hint(result: CommandResult) -> str:
    return fit(drop_unsafe(result.hint), _HINT, escape)


def _question(result: CommandResult) -> str:
    code, expires_at = result.result.get("code"), result.result.get("expires_at")
    until = f" It expires <t:{int(from_rfc3339(expires_at).timestamp())}:R>." if isinstance(expires_at, str) else ""
    if isinstance(code, str):
        return f"Press a button, or send `/buildnet yes {code}`.{until}"
    return f"The code was sent elsewhere: send `/buildnet yes CODE`.{until}"


def _buttons(result: CommandResult, asker: str) -> dict[str, Any]:
    """Without the code, nothing can be confirmed by a button."""
    code = result.result.get("code")
    confirm = Button("CONFIRM", result.request_id, asker, code) if isinstance(code, str) else None
    cancel = Button("CANCEL", result.request_id, asker)
    shown = [] if confirm is None else [_button(fit(f"Run {result.command}", _LABEL), _DANGER, confirm)]
    return {"type": _ROW, "components": [*shown, _button("Cancel", _SECONDARY, cancel)]}


def _button(label: str, style: int, button: Button) -> dict[str, Any]:
    return {"type": _BUTTON, "style": style, "label": label, "custom_id": button.value}
