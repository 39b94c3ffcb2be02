"""Archives that nobody should unpack, and one that anybody may."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path


def member(name: str, content: bytes = b"evil", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    """A file, or whatever `type` says."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content if info.isreg() else b""


def packed(*members: tuple[tarfile.TarInfo, bytes], tar_format: int = tarfile.PAX_FORMAT) -> bytes:
    """The bytes of a .tar.gz."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tar_format) as tar,
    ):
        for info, content in members:
            if not info.isreg():
                info.size = 0
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


GOOD = packed(member("./all", b"good"))


def _link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, b"", type=kind, linkname=target)


def _zeros(size: int) -> bytes:
    """One file of zeros; its archive is a thousandth of that."""
    info = tarfile.TarInfo("./zeros")
    info.size = size
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as compressed:
        compressed.write(info.tobuf())
        for _ in range(0, size, 1 << 20):
            compressed.write(bytes(1 << 20))
    return buffer.getvalue()


# Names and members as the cases of tests/data/bad_inputs.yaml have them, by their fixture.
MALICIOUS: dict[str, Callable[[], bytes]] = {
    "evil": lambda: packed(member("../../evil")),
    "link_etc_then_link_evil": lambda: packed(_link("link", "/etc"), member("link/evil")),
    "a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_": lambda: packed(member("a/" * 300 + "evil")),
    "setuid_file": lambda: packed(member("tool", mode=0o4755)),
    "duplicate_member_names": lambda: packed(member("./twice"), member("twice")),
    "name_with_nul": lambda: packed(member("harmless\0/../../evil")),
    "not_an_archive": lambda: b"#!/bin/sh\necho this is no archive\n" * 40,
}

# Further ones of the same kinds.
MORE_MALICIOUS: dict[str, Callable[[], bytes]] = {
    "an absolute path": lambda: packed(member("/etc/cron.d/evil")),
    "a parent in the middle": lambda: packed(member("a/../../evil")),
    "a path of another system": lambda: packed(member("C:\\evil")),
    "a hard link": lambda: packed(member("x"), _link("y", "../../x", tarfile.LNKTYPE)),
    "a hard link inside": lambda: packed(member("x"), _link("y", "x", tarfile.LNKTYPE)),
    "a device": lambda: packed(member("null", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3)),
    "a pipe": lambda: packed(member("pipe", b"", type=tarfile.FIFOTYPE)),
    "a relative link out": lambda: packed(_link("a/b", "../../evil"), member("c")),
    "a chain of links out": lambda: packed(_link("d/e/up", "../.."), _link("out", "d/e/up/../evil")),
    "a file beneath a link inside": lambda: packed(member("real/x"), _link("link", "real"), member("link/evil")),
    "a link over a folder": lambda: packed(member("a/x"), _link("a", ".")),
    "a file beneath a file": lambda: packed(member("a"), member("a/b")),
    "the folder itself as a link": lambda: packed(_link(".", "/etc")),
    "a NUL in a pax name": lambda: packed(member("x", pax_headers={"path": "ok\0/evil"})),
    "a NUL in a link": lambda: packed(_link("x", "ok\0/../..")),
    "a setgid folder": lambda: packed(member("d", b"", type=tarfile.DIRTYPE, mode=0o2755)),
    "a name that is too long": lambda: packed(member("n" * 300)),
    "cut off": lambda: packed(member("big", bytes(range(256)) * 4000))[:-2000],
    "an empty file": lambda: b"",
    "an empty gzip": lambda: gzip.compress(b""),
    "a bomb": lambda: _zeros(300 << 20),
    "too many members": lambda: packed(*(member(f"f{number}", b"") for number in range(201))),
}


def write(folder: Path, content: bytes) -> str:
    """Put an archive where the cache keeps its artifacts, under its own digest; that digest."""
    from blake3 import blake3

    digest = blake3(content).hexdigest()
    path = folder / digest[:2] / f"{digest}.tar.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return digest
