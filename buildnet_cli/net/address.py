"""Which hosts are private: pure rules over names and addresses. Names are resolved by the door itself, in `lanes`."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# What Python 3.11 calls global although it leads to no public host. Source: IANA special-purpose address registries.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",  # shared by carriers
        "192.0.0.0/24",  # protocol assignments
        "224.0.0.0/4",  # multicast
        "64:ff9b:1::/48",  # local NAT64
        "2001::/23",  # protocol assignments, Teredo among them
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local, retired
        "ff00::/8",  # multicast
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.ip_network("::/96")

# Names that no public zone answers. Source: RFC 6761, RFC 6762 (with appendix G), RFC 8375.
_PRIVATE_SUFFIXES = (
    "localhost",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
    "test",
)

_WEB_PORTS = (80, 443)
# Below it are the ports of well-known services. Source: RFC 6335, section 6.
_FIRST_FREE_PORT = 1024

_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+)){0,3}", re.IGNORECASE)


def is_private(address: Address) -> bool:
    """Whether an address leads anywhere but to a public host: loopback, private, link-local, multicast, reserved.

    An IPv4 address inside an IPv6 one (mapped, compatible, 6to4, NAT64) counts as itself.
    """
    if isinstance(address, ipaddress.IPv6Address) and (inner := _embedded(address)) is not None:
        return is_private(inner)
    return not address.is_global or any(address in network for network in _NOT_PUBLIC if network.version == address.version)


def read_address(host: str) -> Address | None:
    """The address a host is written as, in any form the system takes, such as `127.1` or `0x7f.1`; None for a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        pass
    if _NUMERIC.fullmatch(host):
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    return None


def is_private_host(host: str) -> bool:
    """Whether plain http to this host stays off public networks, as far as its spelling tells.

    True for private addresses, names without a dot, and names under suffixes that no public zone answers.
    """
    name = host.rstrip(".").lower()
    if not name:
        return False
    address = read_address(name)
    if address is not None:
        return is_private(address)
    return "." not in name or any(name.endswith(f".{suffix}") for suffix in _PRIVATE_SUFFIXES)


def leads_astray(url: str) -> bool:
    """Whether a URL from elsewhere leads somewhere else than it seems to, or to a service that is no web server."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return True
    is_other_service = port is not None and port < _FIRST_FREE_PORT and port not in _WEB_PORTS
    return is_other_service or "@" in parts.netloc or "#" in url or "\\" in url


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64 or (address in _IPV4_COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
