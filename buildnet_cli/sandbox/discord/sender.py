"""What Discord sends to an application when somebody picks a command or presses a button, and how it is signed. Pure.

Source: Discord "Receiving and Responding to Interactions" (interaction object), "Interactions overview" (Ed25519).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from buildnet_cli.errors import UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

APPLICATION_ID: Final = "100000000000000003"
GUILD_ID: Final = "100000000000000004"

_PING, _COMMAND, _COMPONENT = 1, 2, 3
_SUBCOMMAND, _GROUP, _BOOLEAN = 1, 2, 5
_SEED: Final = b"the sandbox's key opens nothing!"


def public_key() -> str:
    """64 hexadecimal digits, as the application's page would show them."""
    return _key(_SEED).public_key().public_bytes_raw().hex()


def signed(body: bytes, at: datetime, with_other_key: bool) -> dict[str, str]:
    """The headers that prove a request."""
    timestamp = str(int(at.timestamp()))
    key = _key(bytes(32) if with_other_key else _SEED)
    return {"x-signature-ed25519": key.sign(timestamp.encode() + body).hex(), "x-signature-timestamp": timestamp}


def request_for(wish: Mapping[str, Any], id: str, token: str, registered: Sequence[Mapping[str, Any]]) -> bytes:
    """The body.

    wish: `kind` is ping, command or button; `text` picks a registered command, such as `buildnet build api`, or `data` is taken
    as it is; `user`, `guild` ("" for a direct message), `channel` and, for a button, its `value`.
    id, token: of the interaction. Raises UsageError for what cannot be picked.
    """
    kind = wish.get("kind")
    interaction: dict[str, Any] = {"id": id, "application_id": APPLICATION_ID, "token": token, "version": 1}
    if kind == "ping":
        return json.dumps({**interaction, "type": _PING}).encode()
    user = {"id": str(wish.get("user") or "200000000000000001"), "username": "dana", "discriminator": "0"}
    guild = str(wish.get("guild", GUILD_ID))
    where = {"guild_id": guild, "member": {"user": user, "roles": [], "permissions": "0"}} if guild else {"user": user}
    interaction |= {**where, "channel_id": str(wish.get("channel") or "987654321"), "locale": "en-US"}
    if kind == "command":
        data = wish.get("data") or _picked(str(wish.get("text") or "").split(), registered)
        return json.dumps({**interaction, "type": _COMMAND, "data": data}).encode()
    if kind == "button":
        data = {"custom_id": str(wish.get("value") or ""), "component_type": 2}
        return json.dumps({**interaction, "type": _COMPONENT, "data": data}).encode()
    raise UsageError("kind is ping, command or button", where="kind")


def _picked(words: Sequence[str], registered: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the client would make of the words; only what is registered can be picked."""
    if not words:
        raise UsageError("text names a registered command", where="text")
    found = next((one for one in registered if one.get("name") == words[0]), None)
    if found is None:
        raise UsageError(f"no command {words[0][:80]!a} is registered", where="text")
    parts = found.get("options") or []
    picked: dict[str, Any] = {"name": found["name"], "type": found.get("type", 1)}
    if any(part["type"] in (_SUBCOMMAND, _GROUP) for part in parts):
        return {**picked, "options": [_picked(words[1:], parts)]}
    switches = {word.removeprefix("--") for word in words[1:] if word.startswith("--")}
    values = [word for word in words[1:] if not word.startswith("--")]
    options: list[dict[str, Any]] = []
    for part in parts:
        if part["type"] == _BOOLEAN:
            if part["name"] in switches:
                options.append({"name": part["name"], "type": _BOOLEAN, "value": True})
        elif values:
            options.append({"name": part["name"], "type": part["type"], "value": values.pop(0)})
        elif part.get("required"):
            raise UsageError(f"{part['name']} has to be filled in", where="text")
    return {**picked, "options": options}


def _key(seed: bytes) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed)
