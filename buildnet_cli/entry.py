"""Answers the hottest calls before Typer loads: the version, completion, and `status` of an agent that is up.
It begins the agent, too, which would carry Typer along for as long as it lives.

Only sys and os, which Python has loaded already, are imported here; whatever is unusual goes to the full command line.
Even `from __future__` would be a third of what all this costs.
"""

import os
import sys

STATUS_REQUEST = b"GET /api/status HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\nConnection: close\r\n\r\n"
STATUS_TIMEOUT_SECS = 0.5
STATUS_MAX_BYTES = 1 << 20


def main() -> int:
    """Run this process's command line and return its exit code."""
    args = sys.argv[1:]
    if args in (["--version"], ["-V"]):
        from buildnet_cli import __version__

        return _say(f"buildnet-notify {__version__}\n")
    if args[:1] == ["__complete"] and len(args) > 2 and args[2].isdecimal():
        from buildnet_cli.tab import complete

        code, text = complete(args[1:])
        return _say(text) or code
    if args == ["status"]:
        answer = _status()
        if answer is not None:
            return _say(answer)
    if args[:3] == ["agent", "run", "--ready-fd"] and args[4:7:2] in (["--config"], ["--config", "--project"]):
        from buildnet_cli.agent.launch import run_detached

        return run_detached(*args[3:9:2])
    from buildnet_cli.cli.main import run

    return run(args)


def _say(text: str) -> int:
    """Print; a reader who has gone is no reason for a word, a full disk is."""
    if sys.stdout is None:
        return 0
    try:
        sys.stdout.buffer.write(text.encode(sys.stdout.encoding, "replace"))
        sys.stdout.flush()
    except OSError as exc:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter would try again at its end
        if isinstance(exc, BrokenPipeError):
            return 141
        sys.stderr.write(f"buildnet-notify: cannot write the answer: {exc.strerror}\n")
        return 1
    return 0


def _status() -> str | None:
    """What the agent of this workspace says of itself; None if none answers as expected."""
    try:
        return _body(_ask(os.readlink(f"{_state_folder()}/agent.sock")))
    except (OSError, ValueError):
        return None


def _state_folder() -> str:
    """The `.buildnet` that paths.find_workspace would find.

    Raises OSError if there is none, ValueError if others could have put a socket into it.
    """
    folder = os.environ.get("BUILDNET_PROJECT") or ""
    if not folder:
        folder = os.getcwd()
        while not os.path.lexists(f"{folder}/.buildnet") and folder != "/":
            folder = os.path.dirname(folder)
    state = f"{folder}/.buildnet"
    info = os.lstat(state)
    is_folder = info.st_mode & 0o170000 == 0o040000
    if not is_folder or info.st_uid != os.geteuid() or info.st_mode & 0o022:
        raise ValueError(state)
    return state


def _ask(address: str) -> bytes:
    """The agent's whole answer to a request for its status. Raises OSError if it does not answer in time."""
    try:
        import _socket as sockets  # what the public module is made of; that one costs 12 ms of further imports
    except ImportError:
        import socket as sockets  # type: ignore[no-redef]  # the same names

    connection = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
    try:
        connection.settimeout(STATUS_TIMEOUT_SECS)
        connection.connect(address)
        connection.sendall(STATUS_REQUEST)
        answer = b""
        while len(answer) < STATUS_MAX_BYTES and (part := connection.recv(65536)):
            answer += part
        return answer
    finally:
        connection.close()


def _body(answer: bytes) -> str:
    """The text of a complete, plain HTTP answer. Raises ValueError for every other one."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.lower().split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines)
    is_plain = headers.get(b"content-type", b"").startswith(b"text/plain")
    if status != b"http/1.1 200 ok" or not is_plain or headers.get(b"content-length") != b"%d" % len(body):
        raise ValueError(status)
    return body.decode()
