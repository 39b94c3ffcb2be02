"""`notifications.channels.webhooks`: HTTP endpoints of any kind, Slack's and Discord's incoming webhooks among them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from buildnet_cli.config.address import Headers, OptionalHeaderName, is_readable_on_the_way, split_url
from buildnet_cli.config.fields import ONE_OF, Between, Line, OptionalName, Password, Switch, Token, as_text
from buildnet_cli.config.recipient import Listener, Recipient
from buildnet_cli.config.section import Section

Format = Literal["json", "slack", "discord"]

_MAX_TEMPLATE = 65_536
_FORMAT_BY_HOST: dict[str, Format] = {
    "hooks.slack.com": "slack",
    "hooks.slack-gov.com": "slack",
    "discord.com": "discord",
    "discordapp.com": "discord",
    "ptb.discord.com": "discord",
    "canary.discord.com": "discord",
}


class WebhookAuth(Section):
    """A credential that goes out with every request."""

    type: Annotated[Literal["bearer", "basic", "header"], ONE_OF] = Field(
        "bearer",
        description="bearer = `Authorization: Bearer TOKEN`; basic = user name and password; header = the token in a header of "
        "its own. Default: bearer.",
    )
    token: Token = Field(None, description="The token. Required for bearer and header.")
    username: Line = Field("", description="Who signs in. Required for basic.")
    password: Password = Field(None, description="The user's password. Required for basic.")
    header: OptionalHeaderName = Field("", description="Name of the header, such as X-API-Key. Required for header.")

    @model_validator(mode="after")
    def _has_what_its_type_needs(self) -> Self:
        given = {"token": self.token, "username": self.username, "password": self.password, "header": self.header}
        needed = {"bearer": ["token"], "basic": ["username", "password"], "header": ["header", "token"]}[self.type]
        if lacking := [key for key in needed if not given[key]]:
            what = "a token" if lacking == ["token"] else " and ".join(lacking)
            raise ValueError(f"needs {what}; add it, or leave auth out")
        # Source: RFC 7617, section 2: the first colon ends the user name.
        if ":" in self.username:
            raise ValueError("username: a user name for basic holds no colon")
        if unused := [key for key, value in given.items() if value and key not in needed]:
            raise ValueError(f"type {self.type} has no {' and no '.join(unused)}; leave it out, or choose another type")
        return self


class Webhook(Listener):
    """One endpoint."""

    kind: ClassVar[str] = "webhook"

    name: OptionalName = Field(
        "", description="What the endpoint is called in lists, reports and requests. Required while enabled."
    )
    enabled: Switch = Field(True, description="Whether anything is sent to this endpoint. Default: true.")
    allow_insecure: Switch = Field(False, description="Whether plain http may be used to a public host. Default: false.")
    # After allow_insecure, which its check looks at.
    url: SecretStr = Field(
        SecretStr(""),
        description="Where requests go: https, or http to a private host. Treated as a secret. Required while enabled.",
    )
    method: Annotated[Literal["POST", "PUT", "PATCH"], ONE_OF] = Field("POST", description="HTTP method. Default: POST.")
    format: Annotated[Format, ONE_OF] | None = Field(
        None, description="Shape of the body: json, slack or discord. Default: by the URL's host, else json."
    )
    headers: Headers = Field({}, description="Further HTTP headers. Their values are treated as secrets. Default: none.")
    auth: WebhookAuth | None = Field(None, description="Credential of the endpoint. Default: none.")
    secret: Token = Field(None, description="Signs each request as Standard Webhooks describe it. Default: none, unsigned.")
    template: str | None = Field(
        None, description="Body of the request, with {{event.type}} and the like, at most 64 KiB. Default: the format's own."
    )
    timeout_secs: Annotated[int, Between(1, 120, "seconds")] = Field(
        15, description="How long the endpoint may take to answer, in seconds. Default: 15."
    )
    verify: Switch = Field(True, description="Whether the server's certificate is checked. Default: true.")

    @field_validator("url", mode="before")
    @classmethod
    def _may_be_called(cls, value: object, info: ValidationInfo) -> SecretStr:
        text = value.get_secret_value() if isinstance(value, SecretStr) else as_text(value)
        parts = split_url(text)
        if is_readable_on_the_way(parts) and not info.data.get("allow_insecure"):
            raise ValueError(
                f"plain http to {parts.hostname} would be readable on the way: use https, or set allow_insecure: true"
            )
        return SecretStr(text)

    @field_validator("template", mode="before")
    @classmethod
    def _is_bounded(cls, value: object) -> str | None:
        if value is None:
            return None
        text = as_text(value)
        if not text.strip():
            raise ValueError("the template is empty; leave it out for the built-in format")
        if len(text.encode("utf-8", "replace")) > _MAX_TEMPLATE:
            raise ValueError("the template is too long: more than 64 KiB")
        if "\0" in text:
            raise ValueError("the template holds a NUL character")
        return text

    @model_validator(mode="after")
    def _can_send(self) -> Self:
        lacking = [key for key, value in (("name", self.name), ("url", self.url)) if not value]
        if self.enabled and lacking:
            raise ValueError(f"needs {' and '.join(lacking)}; add it, or set enabled: false")
        return self

    @property
    def host(self) -> str:
        """Where requests go, fit to be shown: the URL's path may be a secret, its host is none."""
        return urlsplit(self.url.get_secret_value()).hostname or ""

    @property
    def is_readable_on_the_way(self) -> bool:
        """Whether its requests cross public networks in plain text."""
        return is_readable_on_the_way(urlsplit(self.url.get_secret_value()))

    @property
    def resolved_format(self) -> Format:
        """The shape of the body: as written, else by host."""
        return self.format or _FORMAT_BY_HOST.get(self.host, "json")

    def recipient(self, index: int) -> Recipient:
        """The endpoint as routing sees it. index: its place in the list."""
        path = ("notifications", "channels", "webhooks", index)
        return Recipient(self.kind, self.name, self.name, self.patterns, path, format=self.resolved_format)
