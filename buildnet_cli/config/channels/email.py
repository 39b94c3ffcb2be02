"""`notifications.channels.email`: mail by SMTP, SendGrid or Amazon SES."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from buildnet_cli.config.address import BaseUrl, Host, Mailbox
from buildnet_cli.config.address import Email as EmailAddress
from buildnet_cli.config.fields import ONE_OF, Between, Items, Line, OptionalName, Password, Port, Switch, Token
from buildnet_cli.config.recipient import Channel, Listener, Recipient
from buildnet_cli.config.section import Section


class Smtp(Section):
    """A mail server."""

    host: Host = Field("", description="Name of the mail server. Required while provider is smtp.")
    port: Port = Field(587, description="Port of the mail server. Default: 587 (STARTTLS); 465 is usual with implicit_tls.")
    username: Line = Field("", description="Account on the mail server. Default: none, no login.")
    password: Password = Field(None, description="Its password. Required with a username.")
    tls: Switch = Field(True, description="Whether the connection must be encrypted by STARTTLS before the login. Default: true.")
    implicit_tls: Switch = Field(False, description="Whether TLS begins at once, without STARTTLS. Default: false.")
    ca_file: Line = Field(
        "", description="PEM file of the authority that signed the server's certificate. Default: the system's."
    )
    timeout_secs: Annotated[int, Between(1, 300, "seconds")] = Field(
        30, description="How long a server may stay silent, in seconds. Default: 30."
    )


class SendGrid(Section):
    """Twilio SendGrid's API."""

    api_key: Token = Field(None, description="SendGrid API key. Required while provider is sendgrid.")
    base_url: BaseUrl = Field("", description="Address of the API. Default: SendGrid's own.")


class Ses(Section):
    """Amazon SES version 2."""

    region: Line = Field("", description='AWS region, such as "eu-central-1". Required while provider is ses.')
    access_key_id: Line = Field("", description="AWS access key id. Required while provider is ses.")
    secret_access_key: Token = Field(None, description="AWS secret access key. Required while provider is ses.")
    session_token: Token = Field(None, description="AWS session token of temporary credentials. Default: none.")
    base_url: BaseUrl = Field("", description="Address of the API. Default: the region's own.")


class EmailRecipient(Listener):
    """A person or list with an address."""

    email: EmailAddress = Field(description="Address, such as devops@example.com. Required.")
    name: OptionalName = Field("", description="What the recipient is called in lists and reports. Default: the address.")
    format: Annotated[Literal["html", "text", "digest"], ONE_OF] = Field(
        "html",
        description="html (with a text part), text, or digest: one mail a day, urgent events at once. Default: html.",
    )


class Email(Channel):
    """Mail, out; mail in is configured under remote_control.email."""

    kind: ClassVar[str] = "email"

    provider: Annotated[Literal["smtp", "sendgrid", "ses"], ONE_OF] = Field(
        "smtp", description="Who carries the mail: smtp, sendgrid or ses. Default: smtp."
    )
    smtp: Smtp = Field(default_factory=Smtp, description="The mail server, for provider smtp.")
    sendgrid: SendGrid = Field(default_factory=SendGrid, description="The account, for provider sendgrid.")
    ses: Ses = Field(default_factory=Ses, description="The account, for provider ses.")
    sender: Mailbox = Field("", alias="from", description='The sender: "Name <name@example.com>". Required while enabled.')
    recipients: Items[EmailRecipient] = Field((), description="Who gets mail. Default: nobody.")

    def missing(self) -> list[str]:
        needed: dict[str, object] = {"from": self.sender}
        if self.provider == "smtp":
            needed["smtp.host"] = self.smtp.host
            if self.smtp.username:
                needed["smtp.password"] = self.smtp.password
        elif self.provider == "sendgrid":
            needed["sendgrid.api_key"] = self.sendgrid.api_key
        else:
            needed["ses.region"] = self.ses.region
            needed["ses.access_key_id"] = self.ses.access_key_id
            needed["ses.secret_access_key"] = self.ses.secret_access_key
        return [key for key, value in needed.items() if not value]

    def all_recipients(self) -> tuple[Recipient, ...]:
        return tuple(
            Recipient(
                self.kind, who.name or who.email, who.email, who.patterns, self.path_of("recipients", index), format=who.format
            )
            for index, who in enumerate(self.recipients)
        )
