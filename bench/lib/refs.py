"""What we compare ourselves with: each reference does the least that the same job takes.

Run as a script, one of them serves until it is ended.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lib import proc

STOCK_TYPER = """\
import typer
app = typer.Typer()
for number in range(30):
    app.command(f"verb-{number}")(lambda name: None)
app()
"""
"""Completion as Typer brings it, for a program of thirty commands."""


async def ndjson(path: str) -> None:
    """R1: echo lines of JSON."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        import json

        while line := await reader.readline():
            writer.write(json.dumps(json.loads(line)).encode() + b"\n")
        writer.close()

    await _serve(answer, path)


async def listener(path: str) -> None:
    """A server that only listens."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    await _serve(answer, path)


async def _serve(answer: object, path: str) -> None:
    server = await asyncio.start_unix_server(answer, path)  # type: ignore[arg-type]  # one of the two above
    await server.serve_forever()


def idle_uvicorn(path: str) -> None:
    """An ASGI application that does nothing, idle."""
    import uvicorn

    async def application(scope: object, receive: object, send: object) -> None:
        raise NotImplementedError

    uvicorn.run(application, uds=path, lifespan="off", log_level="critical", access_log=False)


@contextmanager
def serving(name: str, path: Path, environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A reference as a process of its own; it may not listen yet."""
    child = subprocess.Popen(
        [proc.PYTHON, __file__, name, str(path)], env={**environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    )
    try:
        yield child
    finally:
        proc.end(child)


if __name__ == "__main__":
    name, path = sys.argv[1:]
    if name == "idle_uvicorn":
        idle_uvicorn(path)
    elif name == "listener":
        asyncio.run(listener(path))
    else:
        import uvloop

        uvloop.run(ndjson(path))
