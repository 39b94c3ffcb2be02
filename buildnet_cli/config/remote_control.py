"""`remote_control`: who may send commands, by which way, and how they prove it.

Absent means that nobody may, but for the Unix socket of this machine.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from buildnet_cli.config.address import Domain, Email, Host, ImapUrl, Phone, Route
from buildnet_cli.config.fields import Between, Items, Line, Name, Password, Port, Switch, as_token, shown
from buildnet_cli.config.permission import CONFIRMED, CommandName, Permission
from buildnet_cli.config.recipient import OptionalDestination
from buildnet_cli.config.section import Section

_SHORTEST_KEY = 24
_LEAST_BITS = 60
_PLACEHOLDERS = ("changeme", "placeholder", "replaceme", "example", "yourapikey", "yourkey", "insertkey", "apikeyhere")
_MAKE_ONE = "make one with: openssl rand -hex 24"


def _check_key(value: Any) -> SecretStr:
    key = as_token(value)
    text = key.get_secret_value() if key is not None else ""
    if len(text) < _SHORTEST_KEY:
        raise ValueError(f"is too short for an API key: at least {_SHORTEST_KEY} random characters are needed; {_MAKE_ONE}")
    bare = "".join(char for char in text.lower() if char.isalnum())
    if any(word in bare for word in _PLACEHOLDERS):
        raise ValueError(f"is a placeholder; {_MAKE_ONE}")
    if _bits_in(text) < _LEAST_BITS:
        raise ValueError(f"is too easy to guess: at least {_SHORTEST_KEY} random characters are needed; {_MAKE_ONE}")
    return SecretStr(text)


def _bits_in(text: str) -> float:
    """How much a guesser would have to find out: of the characters or of the steps between them, whichever is less."""
    steps = [ord(after) - ord(before) for before, after in itertools.pairwise(text)]
    return len(text) * min(_entropy(Counter(text)), _entropy(Counter(steps)))


def _entropy(counts: Counter[Any]) -> float:
    total = counts.total()
    return -sum(count / total * math.log2(count / total) for count in counts.values())


ApiKeyText = Annotated[SecretStr, BeforeValidator(_check_key)]


class ApiKey(Section):
    """A credential of the HTTP API."""

    key: ApiKeyText = Field(description="The key, at least 24 random characters; best as ${NAME}. Required.")
    name: Name = Field(description="What the key is called in the audit. Required.")
    permissions: Items[Permission] = Field(
        description='What it allows: "*", commands ("status", "cache.clear"), groups ("node.*"), "level:read". Required.'
    )


class SmsAuthentication(Section):
    """Whose text messages are commands."""

    allowed_numbers: Items[Phone] = Field(
        (), description="Phones that may send commands, in E.164 form and quotes. Default: nobody."
    )
    require_confirmation: Switch = Field(True, description="Whether strong commands ask back on this channel. Default: true.")


class EmailAuthentication(Section):
    """Whose mail is a command."""

    allowed_domains: Items[Domain] = Field((), description="Domains whose addresses may read. Default: none.")
    allowed_addresses: Items[Email] = Field((), description="Addresses that may send any command. Default: nobody.")
    require_signed: Switch | None = Field(None, description="Whether a valid DKIM signature is needed. Default: true.")
    require_confirmation: Switch = Field(True, description="Whether strong commands ask back on this channel. Default: true.")


class Authentication(Section):
    """Credentials and allow-lists."""

    api_keys: Items[ApiKey] = Field((), description="Keys of the HTTP API. Default: none, and then it takes no commands.")
    sms: SmsAuthentication = Field(default_factory=SmsAuthentication, description="Whose text messages are commands.")
    email: EmailAuthentication = Field(default_factory=EmailAuthentication, description="Whose mail is a command.")

    @model_validator(mode="after")
    def _keys_differ(self) -> Self:
        for field, what in (("key", "hold the same key"), ("name", "have the same name")):
            seen: set[Any] = set()
            for index, entry in enumerate(self.api_keys):
                value = getattr(entry, field)
                if value in seen:
                    raise ValueError(
                        f"two api_keys {what} (the second is api_keys[{index}], {shown(entry.name)}); each needs its own"
                    )
                seen.add(value)
        return self


class SmsCommands(Section):
    """Commands by text message."""

    enabled: Switch = Field(True, description="Whether text messages are taken. Default: true once the section is there.")
    webhook_url: Route = Field(
        "/api/notifications/sms/inbound", description="Route that Twilio calls. Default: /api/notifications/sms/inbound."
    )
    allowed_numbers: Items[Phone] = Field(
        (), description="Phones that may send commands, in E.164 form and quotes. Default: nobody."
    )
    commands_enabled: Switch = Field(
        True, description="Whether they are understood as commands; false closes the route. Default: true."
    )


class Imap(Section):
    """A mailbox that is read for commands."""

    host: Host = Field("", description="Name of the IMAP server. Required while enabled.")
    port: Port = Field(993, description="Port of the IMAP server. Default: 993.")
    username: Line = Field("", description="Account on the IMAP server. Required while enabled.")
    password: Password = Field(None, description="Its password. Required while enabled.")
    folder: Name = Field("INBOX", description="Folder that is read. Default: INBOX.")
    poll_interval_secs: Annotated[int, Between(5, 86_400, "seconds")] = Field(
        60, description="How often it is asked for new mail, in seconds. Default: 60."
    )
    tls: Switch = Field(True, description="Whether the connection is encrypted from the start. Default: true.")
    base_url: ImapUrl = Field("", description="imap:// or imaps:// address that replaces host and port. Default: none.")


class EmailCommands(Section):
    """Commands by mail."""

    enabled: Switch = Field(True, description="Whether mail is taken. Default: true once the section is there.")
    imap: Imap | None = Field(None, description="A mailbox that is read. Default: none; mail may also come in over HTTP.")
    command_prefix: Name = Field("[BUILDNET]", description="What the subject of a command begins with. Default: [BUILDNET].")
    allowed_senders: Items[Email] = Field((), description="Addresses that may send any command. Default: nobody.")
    authserv_id: Line = Field(
        "", description="Name of the mail server whose Authentication-Results are trusted. Default: none is."
    )
    require_signed: Switch | None = Field(None, description="Whether a valid DKIM signature is needed. Default: true.")
    max_bytes: Annotated[int, Between(1024, 104_857_600, "bytes")] = Field(
        1_048_576, description="Largest mail that is read, in bytes. Default: 1048576."
    )

    @model_validator(mode="after")
    def _can_read(self) -> Self:
        if self.enabled and self.imap is not None:
            needed = {"username": self.imap.username, "password": self.imap.password}
            if not self.imap.base_url:
                needed = {"host": self.imap.host, **needed}
            if lacking := [f"imap.{key}" for key, value in needed.items() if not value]:
                raise ValueError(f"needs {' and '.join(lacking)} to read mail; add it, or set enabled: false")
        return self


class Confirmation(Section):
    """Asking back before strong commands."""

    require_confirmation: Items[CommandName] = Field(
        CONFIRMED, description=f"Commands that ask back with a code. Default: {', '.join(CONFIRMED)}."
    )
    timeout_secs: Annotated[int, Between(30, 600, "seconds")] = Field(
        300, description="How long a code is good, in seconds, 30 to 600. Default: 300."
    )
    code_length: Annotated[int, Between(6, 10, "digits")] = Field(6, description="Digits of a code, 6 to 10. Default: 6.")
    deliver_to: OptionalDestination = Field(
        "", description="CHANNEL:WHO that gets every code, instead of whoever asks. Default: whoever asks."
    )


_PerMinute = Annotated[int, Between(1, 100_000, "a minute")]


class InboundRateLimit(Section):
    """How much is taken in before somebody is told to wait."""

    source_per_minute: _PerMinute = Field(120, description="Requests a minute from one source address. Default: 120.")
    source_burst: Annotated[int, Between(1, 100_000, "requests")] = Field(
        60, description="Requests at once from one address. Default: 60."
    )
    failures_per_5min: Annotated[int, Between(1, 100_000, "failures")] = Field(
        20, description="Failed proofs in five minutes from one address before it is refused. Default: 20."
    )
    read_per_minute: _PerMinute = Field(60, description="Read commands a minute from one person or key. Default: 60.")
    build_per_minute: _PerMinute = Field(20, description="Build commands a minute from one person or key. Default: 20.")
    admin_per_minute: _PerMinute = Field(10, description="Admin commands a minute from one person or key. Default: 10.")


class RemoteControl(Section):
    """Remote control as a whole."""

    enabled: Switch = Field(
        False, description="Whether commands are taken from outside this machine's Unix socket. Default: false."
    )
    authentication: Authentication = Field(default_factory=Authentication, description="Credentials and allow-lists.")
    sms: SmsCommands | None = Field(
        None, description="Commands by text message. Default: taken from the numbers under authentication."
    )
    email: EmailCommands | None = Field(None, description="Commands by mail. Default: none are taken.")
    confirmation: Confirmation = Field(default_factory=Confirmation, description="Asking back before strong commands.")
    rate_limit: InboundRateLimit = Field(default_factory=InboundRateLimit, description="How much is taken in.")

    @model_validator(mode="after")
    def _one_answer_on_signing(self) -> Self:
        given = {self.authentication.email.require_signed, self.email.require_signed if self.email else None}
        if given == {True, False}:
            raise ValueError(
                "authentication.email.require_signed and email.require_signed hold different values; keep one of them"
            )
        return self

    @property
    def takes_sms(self) -> bool:
        """Whether text messages are commands: on, not closed, whoever is allowed."""
        if self.sms is None:
            return self.enabled and bool(self.authentication.sms.allowed_numbers)
        return self.enabled and self.sms.enabled and self.sms.commands_enabled

    @property
    def takes_email(self) -> bool:
        return self.enabled and self.email is not None and self.email.enabled

    @property
    def allowed_numbers(self) -> frozenset[str]:
        """Phones that may send commands, from both places."""
        return frozenset(self.authentication.sms.allowed_numbers) | frozenset(self.sms.allowed_numbers if self.sms else ())

    @property
    def allowed_addresses(self) -> frozenset[str]:
        """Mail addresses that may send any command, from both places, in lower case."""
        listed = (*self.authentication.email.allowed_addresses, *(self.email.allowed_senders if self.email else ()))
        return frozenset(address.lower() for address in listed)

    @property
    def allowed_domains(self) -> frozenset[str]:
        """Mail domains whose addresses may read."""
        return frozenset(self.authentication.email.allowed_domains)

    @property
    def require_signed(self) -> bool:
        """Whether mail needs a valid DKIM signature; only a written false waives it."""
        return self.authentication.email.require_signed is not False and (
            self.email is None or self.email.require_signed is not False
        )
