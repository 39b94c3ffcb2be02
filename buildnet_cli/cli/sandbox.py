"""`sandbox`: the local inbox that stands in for the providers."""

from __future__ import annotations

from typing import Annotated

import typer

from buildnet_cli.cli.app import single_command
from buildnet_cli.cli.context import AppContext


@single_command(epilog="buildnet-notify sandbox --port 9899")
def app(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen on 127.0.0.1; 0 = any free port.")] = 9899,
) -> None:
    """Serve an inbox on this machine until Ctrl-C: what is sent to /hooks/NAME is shown on its page."""
    import sys

    from buildnet_cli.sandbox.server import SandboxServer

    state: AppContext = ctx.obj

    def announce(url: str) -> None:
        mail = f"127.0.0.1:{server.smtp_port}"
        state.output.result(
            "sandbox", {"url": url, "smtp": mail}, f"Inbox {url} · send to {url}/hooks/NAME · mail to {mail} · Ctrl-C ends it"
        )
        sys.stdout.flush()

    server = SandboxServer(port, announce)
    server.run()
