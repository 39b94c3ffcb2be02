"""The TXT record of a name, as the domain name system has it."""

from __future__ import annotations

from buildnet_cli.channels.email.dkim_gate import DnsFaultError

_TIMEOUT_SECS = 5.0


def look_up_txt(name: str) -> bytes | None:
    """The one TXT record of a name, its strings joined; None if there is none, or more than one. Blocks up to 5 seconds.

    Raises DnsFaultError if nobody who would know answers.
    """
    import dns.exception
    import dns.name
    import dns.resolver

    try:
        asked = dns.name.from_text(name)
    except dns.exception.DNSException:
        return None  # no such name can exist
    try:
        answer = dns.resolver.resolve(asked, "TXT", lifetime=_TIMEOUT_SECS, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.YXDOMAIN):
        return None
    except (dns.exception.DNSException, OSError) as error:
        raise DnsFaultError(f"{name} could not be looked up: {type(error).__name__}") from error
    records = [b"".join(record.strings) for record in answer]
    return records[0] if len(records) == 1 else None
