"""Finding a TCP port when the wanted one is taken by a BuildNet daemon or by another of our agents."""

from __future__ import annotations

import errno
import http.client
import json
import socket

from buildnet_cli.errors import ConfigError

FIRST_ALTERNATIVE = 9880
"""Where the search for a free port begins; 9877 and 9878 are the BuildNet daemon's own."""

_ALTERNATIVES = 100
_PROBE_SECS = 1.0


def listen(host: str, port: int) -> tuple[socket.socket, str]:
    """A listening socket, and a sentence if it is not on the wanted port.

    port: 0 for any free one.
    Raises ConfigError if the port belongs to a program that is none of ours, or if no port is free.
    """
    try:
        return _bind(host, port), ""
    except OSError as exc:
        owner = _owner(host, port)
        if not owner:
            raise ConfigError(
                f"port {port} on {host} is in use by another program"
                if exc.errno == errno.EADDRINUSE
                else f"{host}:{port}: {exc.strerror}",
                hint="stop that program, or choose another port: buildnet-notify config set agent.api.port 9880",
                where="agent.api.port",
            ) from exc
    for candidate in range(FIRST_ALTERNATIVE, FIRST_ALTERNATIVE + _ALTERNATIVES):
        try:
            return _bind(host, candidate), f"{port} belongs to {owner}"
        except OSError:
            continue
    raise ConfigError(f"no port from {FIRST_ALTERNATIVE} to {FIRST_ALTERNATIVE + _ALTERNATIVES - 1} is free on {host}")


def _bind(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _owner(host: str, port: int) -> str:
    """Who answers there: the BuildNet daemon, another agent of ours, or empty for anybody else."""
    connection = http.client.HTTPConnection(host, port, timeout=_PROBE_SECS)
    try:
        connection.request("GET", "/health")
        answer = json.loads(connection.getresponse().read(4096))
    except (OSError, ValueError, http.client.HTTPException):
        return ""
    finally:
        connection.close()
    if not isinstance(answer, dict):
        return ""
    if answer.get("service") == "buildnet-notify":
        return "another agent"
    # Source: the daemon's own answer, {status, version, uptime_secs}.
    return "the BuildNet daemon" if {"status", "version", "uptime_secs"} <= answer.keys() else ""
