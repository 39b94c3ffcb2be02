"""From the bytes of a mail to what somebody asks of us, proved to come from who it says. Pure.

The identity of a mail is its From, so nothing less than a signature by that very domain over all that is read will do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from buildnet_cli.channels.email import authres, command_text, headers
from buildnet_cli.channels.email.dkim_gate import LookUp, Signature, proof_of
from buildnet_cli.channels.email.loop import machine_behind
from buildnet_cli.channels.email.origin import message_id_in, origin_of
from buildnet_cli.commands.inbound import ForgedError, Inbound
from buildnet_cli.config.remote_control import EmailCommands, RemoteControl
from buildnet_cli.delivery.model import Address


@dataclass(frozen=True, slots=True)
class MailRules:
    """What is asked of mail.

    own_addresses: those we send from and read, in lower case. authserv_id: the mail server whose findings are recorded.
    """

    own_addresses: frozenset[str] = frozenset()
    prefix: str = "[BUILDNET]"
    require_signed: bool = True
    authserv_id: str = ""
    max_bytes: int = 1 << 20


@dataclass(frozen=True, slots=True)
class Admitted:
    """A mail with a command.

    signature: what proves it; None if none was asked for. results: what the mail server found, by method, for the audit.
    """

    inbound: Inbound
    signature: Signature | None
    results: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ignored:
    """A mail that asks nothing of us, and why. It gets no answer."""

    reason: str


def rules_of(remote_control: RemoteControl, own_addresses: frozenset[str]) -> MailRules:
    """The rules as they are configured. own_addresses: in lower case."""
    section = remote_control.email or EmailCommands()
    return MailRules(
        own_addresses=own_addresses,
        prefix=section.command_prefix,
        require_signed=remote_control.require_signed,
        authserv_id=section.authserv_id,
        max_bytes=section.max_bytes,
    )


def read_mail(
    raw: bytes, rules: MailRules, now: datetime, *, look_up: LookUp, is_ours: Callable[[str], bool]
) -> Admitted | Ignored:
    """Read one mail. Blocks while a key is looked up.

    look_up: asks for the TXT record of a name. is_ours: whether a message id, with its angle brackets, is of a mail that we sent.
    Raises ForgedError if it is malformed or not proved; TooLargeError; DnsFaultError if it is to be tried again later.
    """
    mail = headers.read(raw, rules.max_bytes)
    origin = origin_of(mail, now)
    if reason := machine_behind(mail, origin.address, rules.own_addresses):
        return Ignored(reason)
    answered = message_id_in(mail.maybe("in-reply-to"))
    is_reply = bool(answered) and is_ours(answered)
    text = command_text.in_reply(mail) if is_reply else command_text.in_subject(origin.subject, rules.prefix)
    if not text:
        return Ignored("it holds no command")
    signature = proof_of(mail, origin.domain, now, look_up) if rules.require_signed else None
    if is_reply and signature is not None and "in-reply-to" not in signature.signed:
        # Otherwise anything its author ever wrote to anybody could be made a reply to us.
        raise ForgedError("the signature does not cover in-reply-to, so that the mail is a reply is not proved")
    inbound = Inbound(
        channel="email",
        identifier=origin.address,
        text=text,
        # Not the signature: it can be written in several ways, or taken away where there are two, and each would be new.
        message_id=f"{origin.address} {origin.message_id}",
        reply_to=Address("email", origin.address, thread=origin.message_id),
    )
    return Admitted(inbound, signature, authres.results(mail.all("authentication-results"), rules.authserv_id))
