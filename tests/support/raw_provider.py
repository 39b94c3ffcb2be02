"""A provider that answers in ways no HTTP library would: one answer per path, once; after it all is well."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import json
import ssl
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WELL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class RawProvider:
    """Serves every path in a thread of its own. asked: how often each path was."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.plaintext = 0
        self._answers: dict[str, Mapping[str, Any]] = {}
        self._ports: dict[str, int] = {}
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="raw provider", daemon=True)

    def url(self, name: str, answer: Mapping[str, Any], folder: Path) -> str:
        """Where a provider of this name answers like this: the input of a case of the surface `provider`."""
        self._answers[name] = answer
        kind = answer.get("tls", "")
        if kind not in self._ports:
            self._ports[kind] = self._call(self._listen(certified(folder, kind) if kind else None))
        host = {"NXDOMAIN": "no-such-host.test"}.get(answer.get("dns", ""), "127.0.0.1")
        return f"{'https' if kind else 'http'}://{host}:{self._ports[kind]}/{name}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self, tls: ssl.SSLContext | None) -> int:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        answering = asyncio.all_tasks() - {asyncio.current_task()}
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            await reader.readexactly(length)
            name = head.split()[1].decode().strip("/").split("?")[0]
            self.asked[name] += 1
            await self._answer(writer, self._answers[name] if self.asked[name] == 1 else {})
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, answer: Mapping[str, Any]) -> None:
        if answer.get("close") == "before_headers":
            return
        if answer.get("close") == "after_headers":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        elif "drip" in answer:
            for byte in WELL:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)
        elif "megabytes" in answer:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (answer["megabytes"] << 20))
            for _ in range(answer["megabytes"]):
                writer.write(b"x" * (1 << 20))
                await writer.drain()
        elif "raw" in answer:
            writer.write(answer["raw"])
        else:
            writer.write(_spoken(answer) if "status" in answer else WELL)
        await writer.drain()


def _spoken(answer: Mapping[str, Any]) -> bytes:
    body = json.dumps(answer["json"]) if "json" in answer else answer.get("body", "")
    headers = {**answer.get("headers", {}), "Connection": "close"}
    if "location" in answer:
        headers["Location"] = answer["location"]
    if answer["status"] != 204:
        headers["Content-Length"] = str(len(body))
    lines = [f"HTTP/1.1 {answer['status']} Said", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def certified(folder: Path, kind: str) -> ssl.SSLContext:
    """A certificate that nobody should trust: self_signed, expired or wrong_host."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, kind)])
    now = dt.datetime.now(dt.UTC)
    end = now + dt.timedelta(days=-1 if kind == "expired" else 1)
    address = "127.0.0.9" if kind == "wrong_host" else "127.0.0.1"
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=2))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / f"{kind}.pem"
    path.write_bytes(private + made.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@contextmanager
def raw_provider() -> Iterator[RawProvider]:
    """Run one; it has ended when the block ends."""
    provider = RawProvider()
    provider.start()
    try:
        yield provider
    finally:
        provider.stop()
