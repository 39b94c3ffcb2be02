"""Whether a machine wrote a mail: our own, an auto-responder, a list. Answering one could go on for ever. Pure.

Source: RFC 3834 (Auto-Submitted), RFC 2369 and 2919 (List-*), RFC 5321 section 4.5.5 (empty Return-Path), RFC 6522 (reports).
"""

from __future__ import annotations

from collections.abc import Collection

from buildnet_cli.channels.email.headers import RawMail

_PRECEDENCE = ("bulk", "junk", "list", "auto_reply")


def machine_behind(mail: RawMail, address: str, own_addresses: Collection[str]) -> str:
    """Why a mail is a machine's, in words; empty if a person may have written it. own_addresses: in lower case."""
    if address in own_addresses:
        return "it is from our own address"
    if any(_word(value) != "no" for value in mail.all("auto-submitted")):
        return "it was sent automatically"
    if any(name.startswith("list-") for name, _ in mail.fields):
        return "it came over a list"
    if any(_word(value) in _PRECEDENCE for value in mail.all("precedence")):
        return "it was sent in bulk"
    if any(value.replace(" ", "") == "<>" for value in mail.all("return-path")):
        return "nobody takes an answer to it"
    if any(_word(value) == "multipart/report" for value in mail.all("content-type")):
        return "it is a mail server's report"
    return ""


def _word(value: str) -> str:
    return value.partition(";")[0].partition("(")[0].strip().lower()
