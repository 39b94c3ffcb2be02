"""The stand-in as a process, with the daemon's own options: `python -m buildnet_cli.sandbox.buildnetd --project-root DIR`."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path

from buildnet_cli.sandbox.buildnetd.server import StandIn


class _Process(StandIn):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stdout.write(f"{self.url}\n")
        sys.stdout.flush()

    def die(self) -> None:
        os.abort()

    def leave(self) -> None:
        os._exit(0)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="buildnetd", description="A stand-in for the BuildNet daemon.")
    parser.add_argument("--project-root", type=Path, default=Path())
    parser.add_argument("-p", "--port", type=int, default=9876)
    options = parser.parse_args()
    server = _Process(options.project_root.resolve(), options.port)
    server.run()


if __name__ == "__main__":
    main()
