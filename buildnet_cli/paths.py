"""Where things are: the workspace, its state, and the agent's socket.

A workspace is the nearest folder upward that holds `.buildnet/`. Without one, the user's own folders take its place.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from buildnet_cli.errors import ConfigError, StorageError, UsageError

APP = "buildnet-notify"
FOLDER = ".buildnet"
CONFIG_NAME = "notifications.yaml"


@dataclass(frozen=True)
class Workspace:
    """One project's files, or the user's own when there is no project.

    root: the project folder, None without one.
    config: the configuration file; it need not exist.
    state: the folder of everything we write.
    """

    root: Path | None
    config: Path
    state: Path

    @property
    def base(self) -> Path:
        """What relative paths in the configuration are relative to."""
        return self.root if self.root is not None else self.state

    @property
    def database(self) -> Path:
        return self.state / "notify.db"

    @property
    def spool(self) -> Path:
        """Events handed in while no agent answered, one file each."""
        return self.state / "spool"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def audit_anchor(self) -> Path:
        """Where the audit ended when it was last written to, kept apart from it."""
        return self.state / "audit.anchor"

    @property
    def templates(self) -> Path:
        """Words of the operator's own in the place of ours."""
        return self.state / "templates"

    @property
    def builds(self) -> Path:
        """Build logs, one folder per build."""
        return self.state / "builds"

    @property
    def cache(self) -> Path:
        """Artifacts of builds, where a BuildNet daemon keeps its own."""
        return self.state / "cache"

    @property
    def lock(self) -> Path:
        """Held by whoever writes the database. It lies beside what it guards, so that no environment can split it in two."""
        return self.state / "agent.lock"

    @property
    def socket_link(self) -> Path:
        """A link to the agent's socket, readable at a path of any length and from any environment."""
        return self.state / "agent.sock"

    def __str__(self) -> str:
        return str(self.root if self.root is not None else self.config)


def find_workspace(
    *,
    project: Path | None = None,
    config: Path | None = None,
    cwd: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Workspace:
    """The workspace that a command speaks about.

    project, config: what the command line names; they win over BUILDNET_PROJECT and BUILDNET_CONFIG, these over the search.
    Raises UsageError if a named project is no folder.
    """
    project = project or _from_environ(environ, "BUILDNET_PROJECT")
    config = config or _from_environ(environ, "BUILDNET_CONFIG")
    if project is not None and not project.is_dir():
        raise UsageError(f"{project} is no folder", hint="name the folder that holds .buildnet/ with --project DIR")
    root = project.resolve() if project is not None else _search_upward(cwd or Path.cwd())
    if root is not None:
        own = root / FOLDER / CONFIG_NAME
        return Workspace(root, config or (own if own.exists() else _existing(_user_config()) or own), root / FOLDER)
    return Workspace(None, config or _user_config(), _user_state())


def from_here(path: Path) -> Path:
    """A path as a person in the current folder would call it: without that folder, if it lies in there."""
    here = Path.cwd()
    return path.relative_to(here) if here != Path(here.anchor) and path.is_relative_to(here) else path


def prepare_state(state: Path) -> None:
    """Make the state folder, or tighten it to 0700.

    Raises ConfigError if it is no folder, a symlink, somebody else's, or writable by others: nothing in it could be trusted.
    Raises StorageError if it cannot be made or written.
    """
    try:
        state.mkdir(parents=True, mode=0o700, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as exc:
        raise ConfigError(f"{state} is not a directory", hint=f"move it away; {FOLDER}/ has to be a directory") from exc
    except OSError as exc:
        raise _refused(state, exc) from exc
    info = state.lstat()
    if stat.S_ISLNK(info.st_mode):
        raise ConfigError(f"{state} is a symlink to {state.readlink()}", hint="replace the symlink by a directory of your own")
    if info.st_uid != os.geteuid():
        raise ConfigError(
            f"{state} belongs to another user (uid {info.st_uid})", hint=f"chown it to yourself, mode 0700: {state}"
        )
    if info.st_mode & 0o022:
        raise ConfigError(
            f"{state} is writable by others (mode {stat.S_IMODE(info.st_mode):04o}); it must be 0700",
            hint=f"chmod 0700 {state}",
        )
    try:
        if info.st_mode & 0o077:
            state.chmod(0o700)
        probe = state / f".write-{os.getpid()}"
        probe.touch(mode=0o600)
        probe.unlink(missing_ok=True)  # another thread may have been here too
    except OSError as exc:
        raise _refused(state, exc) from exc


def runtime_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """A private folder with a short path for sockets: XDG_RUNTIME_DIR, else one of ours under the temporary folder.

    Raises ConfigError if somebody else made that folder first, StorageError if it cannot be made.
    """
    given = environ.get("XDG_RUNTIME_DIR")
    if given and Path(given).is_absolute() and _is_private(Path(given)) and _is_short(Path(given) / APP):
        folder = Path(given) / APP
    else:
        folder = Path("/tmp") / f"{APP}-{os.geteuid()}"  # noqa: S108  (its owner and mode are checked below)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError:
        pass  # something that is no directory; said below
    except OSError as exc:
        raise _refused(folder, exc) from exc
    if not _is_private(folder):
        raise ConfigError(f"{folder} is not a private directory of yours", hint=f"remove it, or set XDG_RUNTIME_DIR: {folder}")
    return folder


def socket_path(state: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the agent of this state folder listens: a hashed name, because a socket path may have 107 bytes at most."""
    import hashlib

    name = hashlib.blake2b(os.fsencode(state.resolve()), digest_size=8).hexdigest()
    return runtime_folder(environ) / f"{name}.sock"


def _is_short(folder: Path) -> bool:
    # Source: unix(7): 108 bytes with the final NUL; macOS has 104. The name in the folder takes 22.
    return len(os.fsencode(folder)) + 22 < 104


def _search_upward(start: Path) -> Path | None:
    for folder in (start, *start.parents):
        if os.path.lexists(folder / FOLDER):
            return folder
    return None


def _from_environ(environ: Mapping[str, str], name: str) -> Path | None:
    value = environ.get(name)
    return Path(value) if value else None


def _existing(path: Path) -> Path | None:
    return path if path.exists() else None


def _user_config() -> Path:
    import platformdirs

    return Path(platformdirs.user_config_dir(APP)) / CONFIG_NAME


def _user_state() -> Path:
    import platformdirs

    return Path(platformdirs.user_state_dir(APP))


def _is_private(folder: Path) -> bool:
    try:
        info = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid() and not info.st_mode & 0o077


def _refused(state: Path, exc: OSError) -> StorageError:
    reason = "is on a read-only file system" if exc.errno == errno.EROFS else "is not writable"
    return StorageError(
        f"{state} {reason} ({(exc.strerror or 'refused').lower()})", hint="check its owner, its mode and the free space"
    )
