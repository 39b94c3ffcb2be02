"""`notifications.channels.sms`: text messages through Twilio."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from buildnet_cli.config.address import BaseUrl, Phone
from buildnet_cli.config.fields import ONE_OF, Between, Items, Line, OptionalName, Token
from buildnet_cli.config.recipient import Channel, Listener, Recipient


class SmsRecipient(Listener):
    """A person with a phone."""

    phone: Phone = Field(description='Phone number in E.164 form, in quotes: "+14155550123". Required.')
    name: OptionalName = Field("", description="What the person is called in lists and reports. Default: the number.")


class Sms(Channel):
    """Text messages, out and in."""

    kind: ClassVar[str] = "sms"

    provider: Annotated[Literal["twilio"], ONE_OF] = Field("twilio", description="Who carries the messages. Default: twilio.")
    account_sid: Line = Field("", description='Twilio account SID: "AC" and 32 hexadecimal digits. Required while enabled.')
    auth_token: Token = Field(None, description="Twilio auth token; it also proves inbound messages. Required while enabled.")
    from_number: Phone | None = Field(
        None, description="The Twilio number that sends, in E.164 form. Required unless messaging_service_sid is set."
    )
    messaging_service_sid: Line = Field(
        "", description="Twilio messaging service that sends instead of from_number. Default: none."
    )
    status_callback: BaseUrl = Field(
        "", description="Where Twilio reports what became of a message. Default: our own route below agent.api.public_base_url."
    )
    base_url: BaseUrl = Field("", description="Address of the API. Default: Twilio's own.")
    max_segments: Annotated[int, Between(1, 10, "segments")] = Field(
        2, description="Longest message, in SMS segments; critical ones always fit one. Default: 2."
    )
    keywords: Annotated[Literal["carrier", "app"], ONE_OF] = Field(
        "carrier",
        description="Who takes bare STOP, CANCEL, HELP: carrier = Twilio's opt-out, app = commands. Default: carrier.",
    )
    recipients: Items[SmsRecipient] = Field((), description="Who gets text messages. Default: nobody.")

    def missing(self) -> list[str]:
        needed = {"account_sid": self.account_sid, "auth_token": self.auth_token}
        lacking = [key for key, value in needed.items() if not value]
        if self.from_number is None and not self.messaging_service_sid:
            lacking.append("from_number")
        return lacking

    def all_recipients(self) -> tuple[Recipient, ...]:
        return tuple(
            Recipient(self.kind, who.name or who.phone, who.phone, who.patterns, self.path_of("recipients", index))
            for index, who in enumerate(self.recipients)
        )
