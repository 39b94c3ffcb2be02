"""Where things are sent and who sends them: phone numbers, e-mail addresses, hosts, URLs, HTTP headers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, SecretStr

from buildnet_cli.config.fields import as_line, as_text, flaw_in, shown
from buildnet_cli.net.address import is_private_host

# E.164: + and at most 15 digits, the first not 0. No number in service has fewer than 7.
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
# RFC 5321 4.5.3.1: 64 octets before the @, 254 in all. Quoted local parts are not taken; nobody has one.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_EMAIL = re.compile(rf"(?=.{{1,254}}$)(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_DOMAIN}")
_MAILBOX = re.compile(r'\s*(?:"(?P<quoted>[^"\\]*)"|(?P<plain>[^<>"@,;:]*?))\s*<(?P<address>[^<>]*)>\s*')
# RFC 9110 5.6.2
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OUR_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection"})


def _as_phone(value: Any) -> str:
    if isinstance(value, str):
        number = re.sub(r"[ ().-]", "", value)
        if _PHONE.fullmatch(number):
            return number
    raise ValueError(
        f"{shown(value)} is no phone number in E.164 form: "
        'write + and the country code, then digits, at most 15 digits in all, in quotes, such as "+14155550123"'
    )


Phone = Annotated[str, BeforeValidator(_as_phone)]
"""`+14155550123`; spaces, dots, hyphens and brackets are taken and dropped."""


def as_email(value: Any) -> str:
    """The address, its domain in lower case. Raises ValueError."""
    text = _plain(value, "an e-mail address")
    if not _EMAIL.fullmatch(text):
        raise ValueError(f"{shown(text)} is no e-mail address; write it as name@example.com")
    local, _, domain = text.rpartition("@")
    return f"{local}@{domain.lower()}"


def _as_mailbox(value: Any) -> str:
    text = _plain(value, "a sender")
    found = _MAILBOX.fullmatch(text)
    if found is None:
        return as_email(text)
    name = found["quoted"] if found["quoted"] is not None else found["plain"]
    address = as_email(found["address"])
    if not name:
        return address
    return f'"{name}" <{address}>' if re.search(r"[^\w \-!#$%&\'*+/=?^`{|}~]", name) else f"{name} <{address}>"


def _as_domain(value: Any) -> str:
    text = _plain(value, "a domain").removeprefix("@").lower()
    if not re.fullmatch(_DOMAIN, text) or "." not in text or len(text) > 253:
        raise ValueError(f"{shown(text)} is no domain; write it as example.com")
    return text


def _plain(value: Any, what: str) -> str:
    text = as_text(value)
    if flaw := flaw_in(text):
        raise ValueError(f"{shown(text)} holds {flaw}; {what} is one line")
    return text


Email = Annotated[str, BeforeValidator(as_email)]
Mailbox = Annotated[str, BeforeValidator(lambda value: "" if value == "" else _as_mailbox(value))]
"""`Name <name@example.com>`, or the bare address; empty for none."""
Domain = Annotated[str, BeforeValidator(_as_domain)]


def _as_host(value: Any) -> str:
    text = as_line(value)
    if text and not _is_host(text):
        raise ValueError(f"{shown(text)} is no host; write a name such as mail.example.com, or an IP address")
    return text


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # What ends in a number is meant as an address: 0, 0x7f.1 and 017700000001 reach loopback in many programs.
        last = host.rstrip(".").rpartition(".")[2]
        is_number = re.fullmatch(r"[0-9]+|0[xX][0-9a-fA-F]*", last) is not None
        return len(host) <= 253 and not is_number and re.fullmatch(rf"{_DOMAIN}\.?", host) is not None
    return "%" not in host


Host = Annotated[str, BeforeValidator(_as_host)]
"""A name or an IP address, without a port; empty for none."""


def split_url(text: str, schemes: tuple[str, ...] = ("http", "https")) -> SplitResult:
    """The parts of a URL that we may call. Raises ValueError, which does not quote its path: that may be a secret."""
    wanted = " or ".join(f"{scheme}://" for scheme in schemes)
    if flaw := flaw_in(text):
        raise ValueError(f"the URL holds {flaw}")
    if re.search(r"[\s\\]", text) or not text.isascii():
        raise ValueError("the URL must be plain ASCII without spaces or backslashes; write a host in its xn-- form")
    scheme, separator, _ = text.partition("://")
    if not separator or scheme.lower() not in schemes:
        raise ValueError(f"a URL must begin with {wanted}")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("the URL's host or port cannot be read; a port is a number from 1 to 65535") from None
    if not host or not _is_host(host):
        raise ValueError(f"the URL names no host or no valid address: {shown(host or '')}")
    if port == 0:
        raise ValueError("the URL's port must be a number from 1 to 65535")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the URL must not hold a user name or password; give the credential in its own key")
    if "#" in text:
        raise ValueError("the URL must not hold a #fragment; it is never sent")
    return parts


def is_readable_on_the_way(url: SplitResult) -> bool:
    """Whether a request would cross public networks in plain text."""
    return url.scheme == "http" and not is_private_host(url.hostname or "")


def _as_base_url(value: Any) -> str:
    text = as_text(value)
    if not text:
        return ""
    parts = split_url(text)
    if is_readable_on_the_way(parts):
        raise ValueError(f"plain http to {parts.hostname} would be readable on the way: use https")
    return text.rstrip("/")


BaseUrl = Annotated[str, BeforeValidator(_as_base_url)]
"""Where an API is found, without a final slash; empty for the provider's own address."""


def _as_imap_url(value: Any) -> str:
    text = as_text(value)
    if text:
        split_url(text, ("imap", "imaps"))
    return text


ImapUrl = Annotated[str, BeforeValidator(_as_imap_url)]


def _as_route(value: Any) -> str:
    text = as_line(value)
    if not re.fullmatch(r"(?:/[A-Za-z0-9._~-]+)+", text):
        raise ValueError(
            f"{shown(text)} is no route: write a path such as /api/notifications/sms/inbound; "
            "the public address goes into agent.api.public_base_url"
        )
    return text


Route = Annotated[str, BeforeValidator(_as_route)]
"""A path of our own HTTP API."""


def _as_headers(value: Any) -> dict[str, SecretStr]:
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a mapping of header names to values, not {shown(value)}")
    headers: dict[str, SecretStr] = {}
    for name, content in value.items():
        _check_header_name(name)
        if name.lower() in {known.lower() for known in headers}:
            raise ValueError(f"header {shown(name)} is given twice; case does not tell headers apart")
        headers[name] = SecretStr(_header_value(name, content))
    return headers


def _check_header_name(name: Any) -> None:
    if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"header {shown(name)} is no header name: use ASCII letters, digits and hyphens, such as X-Team")
    if name.lower() in _OUR_HEADERS:
        raise ValueError(f"header {shown(name)} is set by the program; leave it out")


def _as_header_name(value: Any) -> str:
    if value != "":
        _check_header_name(value)
    return str(value)


OptionalHeaderName = Annotated[str, BeforeValidator(_as_header_name)]
"""A header's name that does not belong to the program; may be empty."""


def _header_value(name: str, content: Any) -> str:
    if isinstance(content, SecretStr):
        content = content.get_secret_value()
    text = str(content) if isinstance(content, int) and not isinstance(content, bool) else content
    if not isinstance(text, str):
        raise ValueError(f"the value of header {shown(name)} must be text; write it in quotes")
    if flaw := flaw_in(text):
        raise ValueError(f"the value of header {shown(name)} holds {flaw}")
    if not text.isascii():
        raise ValueError(f"the value of header {shown(name)} must be ASCII")
    return text


Headers = Annotated[dict[str, SecretStr], BeforeValidator(_as_headers)]
"""HTTP headers; their values may be credentials and are treated as such."""
