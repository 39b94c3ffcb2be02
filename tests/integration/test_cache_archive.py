"""Archives: the same for the same content, back as they were, and never a byte beside their folder."""

from __future__ import annotations

import io
import os
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildnet_cli.engine.local.archive import ArchiveError, Limits, pack, unpack
from buildnet_cli.engine.local.artifacts import ArtifactFolder
from tests.support.archives import GOOD, MALICIOUS, MORE_MALICIOUS, write
from tests.support.bad_inputs import Case, cases

pytestmark = pytest.mark.integration

LIMITS = Limits(members=200)

NAMES = st.text(st.characters(blacklist_characters="/\\\0", blacklist_categories=("Cs",)), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..")
)
TREES = st.recursive(
    st.one_of(st.binary(max_size=3000), st.booleans()),
    lambda below: st.dictionaries(NAMES, below, max_size=4),
    max_leaves=12,
).filter(lambda tree: isinstance(tree, dict))


def never() -> bool:
    return False


def packed(folder: Path, limits: Limits = LIMITS) -> bytes:
    buffer = io.BytesIO()
    pack(folder, buffer, limits=limits, is_stopped=never)
    return buffer.getvalue()


def make(folder: Path, tree: dict[str, object]) -> None:
    """Files with bytes; True for an empty executable, False for a symlink to nowhere inside."""
    folder.mkdir()
    for name, below in tree.items():
        path = folder / name
        if isinstance(below, dict):
            make(path, below)
        elif isinstance(below, bytes):
            path.write_bytes(below)
        elif below:
            path.touch(mode=0o755)
        else:
            path.symlink_to("nowhere")


def seen(folder: Path) -> dict[str, object]:
    """What can be seen in a folder, times and owners aside."""
    found: dict[str, object] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_dir():
            found[name] = None
        else:
            found[name] = (os.access(path, os.X_OK), path.read_bytes())
    return found


def all_files(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


@given(TREES)
@settings(max_examples=60, deadline=None)
def test_what_is_unpacked_is_what_was_packed(tmp_path_factory: pytest.TempPathFactory, tree: dict[str, object]) -> None:
    folder = tmp_path_factory.mktemp("tree")
    make(folder / "first", tree)
    make(folder / "second", dict(reversed(tree.items())))
    content = packed(folder / "first")
    assert content == packed(folder / "second")
    (folder / "archive").write_bytes(content)
    unpack(folder / "archive", folder / "back", limits=LIMITS, is_stopped=never)
    assert seen(folder / "back") == seen(folder / "first")


def test_names_of_any_bytes_come_back(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / os.fsdecode(b"\xff\xfe\n")).write_text("x")
    (tmp_path / "archive").write_bytes(packed(tmp_path / "tree"))
    unpack(tmp_path / "archive", tmp_path / "back", limits=LIMITS, is_stopped=never)
    assert [os.fsencode(path.name) for path in (tmp_path / "back").iterdir()] == [b"\xff\xfe\n"]


def test_tar_reads_what_we_write(tmp_path: Path) -> None:
    make(tmp_path / "tree", {"a": b"1", "d": {"b": b"2", "empty": {}}, "x": True, "l": False})
    (tmp_path / "archive.tar.gz").write_bytes(packed(tmp_path / "tree"))
    (tmp_path / "back").mkdir()
    subprocess.run(["tar", "xzf", "../archive.tar.gz"], cwd=tmp_path / "back", check=True)
    assert seen(tmp_path / "back") == seen(tmp_path / "tree")


def test_times_owners_and_most_modes_make_no_difference(tmp_path: Path) -> None:
    make(tmp_path / "tree", {"a": b"1", "d": {}})
    before = packed(tmp_path / "tree")
    os.utime(tmp_path / "tree" / "a", (1, 1))
    (tmp_path / "tree" / "a").chmod(0o4600)
    (tmp_path / "tree" / "d").chmod(0o700)
    assert packed(tmp_path / "tree") == before


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "d/../../outside", "d/../a", ""])
def test_a_link_that_would_be_refused_later_is_not_packed(tmp_path: Path, target: str) -> None:
    make(tmp_path / "tree", {"a": b"1", "d": {}})
    if not target:
        os.mkfifo(tmp_path / "tree" / "pipe")
    else:
        (tmp_path / "tree" / "link").symlink_to(target)
    with pytest.raises(ArchiveError, match=r"no archive may hold '(link|pipe)'"):
        packed(tmp_path / "tree")


def test_what_would_look_like_a_bomb_is_not_packed(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    with (tmp_path / "tree" / "zeros").open("wb") as file:
        file.truncate(3 << 20)
    with pytest.raises(ArchiveError, match="taken for a trap"):
        packed(tmp_path / "tree", Limits(harmless=1 << 20))


def test_a_stop_ends_the_packing(tmp_path: Path) -> None:
    make(tmp_path / "tree", {"a": b"1"})
    with pytest.raises(ArchiveError, match="stopped"):
        pack(tmp_path / "tree", io.BytesIO(), limits=LIMITS, is_stopped=lambda: True)


@pytest.mark.parametrize("case", cases(surface="cache_restore"), ids=lambda case: case.id)
def test_a_malicious_artifact_is_refused_before_it_does_anything(case: Case, tmp_path: Path) -> None:
    refused(MALICIOUS[case.input["fixture"]](), tmp_path, max_ms=case.max_ms, must_say=case.expect["error_has"])
    assert case.outcomes == ["reject"]
    assert (case.expect["files_outside"], case.expect["cache_unchanged"]) == (0, True)


@pytest.mark.parametrize("kind", MORE_MALICIOUS)
def test_so_is_every_other_trap(kind: str, tmp_path: Path) -> None:
    refused(MORE_MALICIOUS[kind](), tmp_path)


def refused(content: bytes, tmp_path: Path, *, max_ms: int = 2000, must_say: tuple[str, ...] | list[str] = ("archive",)) -> None:
    """Putting it in place fails; the output folder, the cache and everything around them are as before."""
    folder = ArtifactFolder(tmp_path / "cache", LIMITS)
    output = tmp_path / "project" / "out"
    output.mkdir(parents=True)
    (output / "all").write_text("before")
    hash_ = write(folder.folder, content)
    before = all_files(tmp_path)
    begun = time.perf_counter()
    with pytest.raises(ArchiveError) as caught:
        folder.put_in_place(hash_, output, is_stopped=never)
    assert (time.perf_counter() - begun) * 1000 <= max_ms
    assert all(part in str(caught.value) for part in must_say)
    assert all_files(tmp_path) == before
    assert (output / "all").read_text() == "before"
    assert folder.path_of(hash_).read_bytes() == content


def test_a_good_artifact_replaces_all_that_was_there(tmp_path: Path) -> None:
    folder = ArtifactFolder(tmp_path / "cache", LIMITS)
    output = tmp_path / "out"
    output.mkdir()
    (output / "stale").write_text("before")
    folder.put_in_place(write(folder.folder, GOOD), output, is_stopped=never)
    assert seen(output) == {"all": (False, b"good")}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_an_output_folder_that_is_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    folder = ArtifactFolder(tmp_path / "cache", LIMITS)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").symlink_to("elsewhere")
    folder.put_in_place(write(folder.folder, GOOD), tmp_path / "out", is_stopped=never)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (tmp_path / "out" / "all").read_bytes() == b"good"


def test_what_a_killed_process_left_beside_an_output_folder_is_removed(tmp_path: Path) -> None:
    folder = ArtifactFolder(tmp_path / "cache", LIMITS)
    for left in (".buildnet-new-0123abcd-out", ".buildnet-old-0123abcd-out"):
        (tmp_path / left).mkdir()
    (tmp_path / ".buildnet-old-0123abcd-other").mkdir()
    folder.put_in_place(write(folder.folder, GOOD), tmp_path / "out", is_stopped=never)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".buildnet-old-0123abcd-other", "cache", "out"]


def test_another_digest_than_its_name_is_refused_unread(tmp_path: Path) -> None:
    folder = ArtifactFolder(tmp_path / "cache", LIMITS)
    hash_ = write(folder.folder, GOOD)
    folder.path_of(hash_).write_bytes(GOOD + b"\0")
    with pytest.raises(ArchiveError, match="its digest is not its name"):
        folder.put_in_place(hash_, tmp_path / "out", is_stopped=never)
    assert not (tmp_path / "out").exists()


def test_only_the_last_few_damaged_artifacts_are_kept_aside(tmp_path: Path) -> None:
    folder = ArtifactFolder(tmp_path / "cache", LIMITS)
    for number in range(5):
        folder.quarantine(write(folder.folder, b"%d" % number))
    assert len(list((tmp_path / "cache" / "quarantine").iterdir())) == 3
    assert list(folder.present()) == []


def test_what_a_killed_process_left_unfinished_is_removed_and_a_daemon_s_artifact_counted(tmp_path: Path) -> None:
    folder = ArtifactFolder(tmp_path / "cache", LIMITS)
    hash_ = write(folder.folder, GOOD)
    folder.path_of(hash_).with_name(f"{hash_}.json").write_text('{"package": "theirs", "file_count": 1}')
    (tmp_path / "cache" / ".unfinished-abc").write_text("half")
    (tmp_path / "cache" / hash_[:2] / "other.tar.gz").write_text("no artifact of ours")
    (artifact,) = folder.present()
    assert (artifact.hash, artifact.package, artifact.files, artifact.size) == (hash_, "theirs", 1, len(GOOD))
    assert not (tmp_path / "cache" / ".unfinished-abc").exists()
