"""Who wrote a message from outside: by the lists of the configuration, and by nothing that its writer could choose. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from buildnet_cli.commands.inbound import Inbound
from buildnet_cli.commands.model import Principal
from buildnet_cli.config.root import Config

_ADMIN = ("*",)
_READER = ("level:read",)


@dataclass(frozen=True, slots=True)
class People:
    """Everybody who may ask, by channel and identifier. domains: mail domains whose addresses may read."""

    known: Mapping[tuple[str, str], Principal] = field(default_factory=dict)
    domains: frozenset[str] = frozenset()

    @classmethod
    def from_config(cls, config: Config) -> People:
        """The people of a configuration; nobody while remote control is off."""
        remote, channels = config.remote_control, config.notifications.channels
        if not remote.enabled:
            return cls()
        names = {(each.channel, each.address): each.name for each in config.notifications.all_recipients()}
        listed: list[tuple[str, str, str, tuple[str, ...]]] = []
        if remote.takes_sms:
            listed += [("sms", number, names.get(("sms", number), number), _ADMIN) for number in remote.allowed_numbers]
        if remote.takes_email:
            listed += [("email", mail, names.get(("email", mail), mail), _ADMIN) for mail in remote.allowed_addresses]
        for kind, section in (("slack", channels.slack), ("discord", channels.discord), ("telegram", channels.telegram)):
            users = section.allowed_users if section is not None and section.enabled else ()
            listed += [(kind, user.id, user.name or user.id, tuple(user.commands)) for user in users]
        known = {(channel, id_): Principal(name, channel, id_, permissions) for channel, id_, name, permissions in listed}
        return cls(known, remote.allowed_domains if remote.takes_email else frozenset())

    def principal_of(self, inbound: Inbound) -> Principal | None:
        """Who wrote it; None for a stranger."""
        identifier = inbound.identifier.lower() if inbound.channel == "email" else inbound.identifier
        # A person of a Slack workspace is listed by the id alone; which workspace it is has been proved by the signature.
        bare = identifier.rpartition("/")[2] if inbound.channel == "slack" else identifier
        known = self.known.get((inbound.channel, bare))
        if known is not None:
            return known
        mailbox, _, domain = identifier.rpartition("@")
        if inbound.channel == "email" and mailbox and domain in self.domains:
            return Principal(identifier, "email", identifier, _READER)
        return None
