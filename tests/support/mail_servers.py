"""Mail servers on loopback that behave, and ones that do not."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP, Envelope, Session

GOOD = {
    "CONNECT": "220 test ESMTP",
    "EHLO": "250-test\r\n250-SIZE 1000000\r\n250 8BITMIME",
    "MAIL": "250 2.1.0 OK",
    "RCPT": "250 2.1.5 OK",
    "DATA": "354 go on",
    ".": "250 2.0.0 taken",
    "RSET": "250 2.0.0 OK",
    "QUIT": "221 2.0.0 bye",
}
DROP = "DROP"
"""In place of a reply: the connection is closed."""
SILENT = "SILENT"
"""In place of a reply: nothing at all."""


@dataclass
class Heard:
    """What a server was told. connections: how many there were. lines: every line, without the mails. mails: each as bytes."""

    port: int = 0
    connections: int = 0
    lines: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def hang_up(self) -> None:
        """Close every connection, as servers do with idle ones."""
        for writer in self.writers:
            writer.close()


@contextlib.asynccontextmanager
async def talking(replies: Mapping[str, str] | None = None) -> AsyncIterator[Heard]:
    """A server that answers by rote: by the command's first word, `CONNECT` and `.`."""
    book, heard = {**GOOD, **(replies or {})}, Heard()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.connections += 1
        heard.writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            word = "CONNECT"
            while await _answer(writer, book.get(word, "500 5.5.1 what?")):
                if word == "DATA":
                    heard.mails.append(await reader.readuntil(b"\r\n.\r\n"))
                    word = "."
                    continue
                line = (await reader.readuntil(b"\r\n")).decode().strip()
                heard.lines.append(line)
                word = line.partition(" ")[0].upper()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    heard.port = server.sockets[0].getsockname()[1]
    try:
        yield heard
    finally:
        heard.hang_up()
        server.close()
        await server.wait_closed()


async def _answer(writer: asyncio.StreamWriter, reply: str) -> bool:
    """Whether the conversation goes on."""
    if reply == SILENT:
        return True
    if reply != DROP:
        writer.write(f"{reply}\r\n".encode())
        await writer.drain()
    return reply != DROP and not reply.startswith(("221", "421"))


@contextlib.asynccontextmanager
async def implicit_tls(context: ssl.SSLContext) -> AsyncIterator[Heard]:
    """A real server that speaks TLS from the first byte, as on port 465, and wants no login."""
    heard = Heard()

    class Handler:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
            assert isinstance(envelope.content, bytes)
            heard.mails.append(envelope.content)
            return "250 2.0.0 taken"

    server = await asyncio.get_running_loop().create_server(lambda: SMTP(Handler()), "127.0.0.1", 0, ssl=context)
    heard.port = server.sockets[0].getsockname()[1]
    try:
        yield heard
    finally:
        server.close()
        await server.wait_closed()
