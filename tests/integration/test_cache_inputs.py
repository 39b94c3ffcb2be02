"""What globs find, and when a file is read again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from buildnet_cli.engine.local import hashing
from buildnet_cli.engine.local.globbing import Globs, everything_in, find, flaw_of
from buildnet_cli.engine.local.hashing import RACY_NS, Hasher

pytestmark = pytest.mark.integration

FILES = (
    "README", ".env", "src/a.ts", "src/b.tsx", "src/c.css", "src/.hidden.ts", "src/deep/er/d.ts", "src/a.test.ts",
    "src/[id].ts", "src/node_modules/x/e.ts", "src/.git/f.ts", "src/__pycache__/g.ts", "src/.buildnet-new-00000000-out/h.ts",
    "dist/i.ts", "packages/@scope/ui/j.ts",
)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root.resolve()


def found(root: Path, *patterns: str, without: tuple[str, ...] = ("dist",)) -> list[str]:
    return sorted(each.path for each in find(root, Globs(patterns), without))


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (("src/*.ts",), ["src/.hidden.ts", "src/[id].ts", "src/a.test.ts", "src/a.ts"]),
        (("src/**/*.{ts,tsx}",), ["src/.hidden.ts", "src/[id].ts", "src/a.test.ts", "src/a.ts", "src/b.tsx", "src/deep/er/d.ts"]),
        (("src/**/*.ts", "!src/**/*.test.ts", "!src/.*"), ["src/[id].ts", "src/a.ts", "src/deep/er/d.ts"]),
        (("src",), ["src/.hidden.ts", "src/[id].ts", "src/a.test.ts", "src/a.ts", "src/b.tsx", "src/c.css", "src/deep/er/d.ts"]),
        (("./src//deep/",), ["src/deep/er/d.ts"]),
        (("src", "!src/deep", "!**/*.ts"), ["src/b.tsx", "src/c.css"]),
        (("README",), ["README"]),
        (("**/*.css", "src/**/*.css", "src/c.css"), ["src/c.css"]),
        (("*",), [".env", "README"]),
        (("{README,.env}",), [".env", "README"]),
        (("src/?.ts",), ["src/a.ts"]),
        (("packages/@scope/*/*.ts",), ["packages/@scope/ui/j.ts"]),
        (("**/i.ts",), []),
        (("dist/*.ts",), ["dist/i.ts"]),
        (("**/d.ts", "dist/*"), ["dist/i.ts", "src/deep/er/d.ts"]),
        (("nowhere/**", "README/x"), []),
        (("!src/**",), []),
        ((), []),
    ],
)  # fmt: skip
def test_globs_find_what_they_mean(root: Path, patterns: tuple[str, ...], expected: list[str]) -> None:
    assert found(root, *patterns) == expected


@pytest.mark.parametrize("pattern", ["/etc/*", "../*", "src/../../*", "!../x", "", " ", "a\0b", "{a,b}" * 30])
def test_what_leads_out_or_is_no_glob_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"leads out of the project|is no glob|cannot be read"):
        Globs([pattern])
    assert flaw_of(pattern)


@pytest.mark.parametrize(
    "pattern", ["src/**/*.{ts,tsx,js,jsx}", "!dist", "a{1..9}", "{a,b}" * 9, "src/[a", "a,b,c,d,e,f,g,h,i,j,k"]
)
def test_a_glob_that_can_be_used_has_no_flaw(pattern: str) -> None:
    Globs([pattern])
    assert flaw_of(pattern) == ""


def test_globs_are_checked_without_the_library_that_reads_them() -> None:
    script = (
        "import sys; from buildnet_cli.engine.local.globbing import flaw_of; "
        "print(flaw_of('src/**/*.{ts,tsx}'), 'wcmatch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == " False\n"


def test_a_folder_of_any_name_can_be_meant_whole(root: Path) -> None:
    (root / "a [b] {c}*" / "x").mkdir(parents=True)
    (root / "a [b] {c}*" / "x" / "y").touch()
    (root / "a b c" / "x").mkdir(parents=True)
    (root / "a b c" / "x" / "y").touch()
    assert found(root, everything_in("a [b] {c}*")) == ["a [b] {c}*/x/y"]


def test_links_are_found_and_never_followed(root: Path) -> None:
    (root / "src" / "loop").symlink_to("..")
    (root / "src" / "broken.ts").symlink_to("nowhere")
    (root / "src" / "away").symlink_to(root.parent)
    (root.parent / "outside.ts").touch()
    assert {path for path in found(root, "src/**/*") if "/deep/" not in path} >= {"src/loop", "src/broken.ts", "src/away"}
    assert not any("outside" in path for path in found(root, "src/**/*"))
    assert found(root, "src/away/*.ts") == []


def tokens(root: Path, memo: hashing.Memo, *, secs_later: float) -> tuple[dict[str, str], hashing.Memo]:
    """What the sources are, to somebody who looks so much later."""
    hasher = Hasher(root, memo, time.time_ns() + round(secs_later * 1e9))
    found = {each.path: hasher.token(each) for each in find(root, Globs(["src/**/*.ts"]))}
    return found, hasher.fresh


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are read."""
    names: list[str] = []
    read = hashing.digest_of_file

    def counted(path: Path | str) -> str:
        names.append(Path(path).name)
        return read(path)

    monkeypatch.setattr(hashing, "digest_of_file", counted)
    return names


def test_a_file_is_read_once(root: Path, reads: list[str]) -> None:
    first, memo = tokens(root, {}, secs_later=10)
    assert len(reads) == 5
    reads.clear()
    again, _ = tokens(root, memo, secs_later=20)
    assert (reads, again) == ([], first)


def test_a_file_that_was_just_changed_is_read_again(root: Path, reads: list[str]) -> None:
    _, memo = tokens(root, {}, secs_later=RACY_NS / 1e9 - 1)
    assert memo == {}
    reads.clear()
    tokens(root, memo, secs_later=10)
    assert len(reads) == 5


def test_a_change_that_keeps_size_and_time_is_seen(root: Path) -> None:
    first, memo = tokens(root, {}, secs_later=10)
    path = root / "src" / "a.ts"
    info = path.stat()
    path.write_text(path.read_text().upper())
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert path.stat().st_size == info.st_size
    again, _ = tokens(root, memo, secs_later=20)
    assert {name for name in first if first[name] != again[name]} == {"src/a.ts"}


def test_kinds_of_files_are_told_apart(root: Path) -> None:
    src = root / "src"
    for path in src.glob("*.ts"):
        path.unlink()
    (src / "a.ts").write_text("same")
    (src / "x.ts").write_text("same")
    (src / "x.ts").chmod(0o755)
    (src / "l.ts").symlink_to("a.ts")
    (src / "m.ts").symlink_to("x.ts")
    os.mkfifo(src / "p.ts")
    found, _ = tokens(root, {}, secs_later=0)
    found.pop("src/deep/er/d.ts")
    assert {name[4]: token[:2] for name, token in found.items()} == {"a": "f:", "x": "x:", "l": "l:", "m": "l:", "p": "o:"}
    assert found["src/a.ts"][2:] == found["src/x.ts"][2:]
    assert found["src/l.ts"] != found["src/m.ts"]


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no regular file"):
        hashing.digest_of_file(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic links"):
        hashing.digest_of_file(tmp_path / "link")


def test_a_large_file_is_read_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 20_000
    (tmp_path / "large").write_bytes(content)
    assert hashing.digest_of_file(tmp_path / "large") == hashing.digest_of(content)
