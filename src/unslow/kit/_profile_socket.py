"""Lets the owner of a process switch its continuous profile, through a socket in a private folder.

A signal would be less: servers have taken them (gunicorn USR1, USR2, TTIN, TTOU, WINCH, HUP), only
the main thread may set a handler, and it carries neither a rate nor a profile. The folder and the
kernel's word for who calls keep others out, and nothing is written where a caller says: the
profile goes through the socket.
"""

import atexit
import contextlib
import logging
import os
import socket
import stat
import struct
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from unslow.errors import UnslowError
from unslow.kit import continuous
from unslow.kit._processes import is_alive
from unslow.observe import _wire

TIMEOUT_S = 5.0
MAX_QUESTION_BYTES = 64
MAX_ANSWER_BYTES = 256 * 1024 * 1024
_PEER = struct.Struct("3i")  # pid, user, group: ucred of unix(7)

logger = logging.getLogger("unslow")
_process = 0
_server: socket.socket | None = None


def folder(user: int) -> Path:
    """Where the sockets of a user's processes are."""
    return Path(tempfile.gettempdir()) / f"unslow-{user}"


def listen() -> None:
    """Let the owner of this process, and root, switch its profile from outside.

    Does nothing the second time. Where it cannot be done safely it says so in the log.
    """
    global _process, _server
    if _process == os.getpid():
        return
    _process = os.getpid()
    if _server is not None:  # the parent's
        _server.close()
    try:
        _server = _bound()
    except (OSError, UnslowError) as problem:
        logger.warning("the profile cannot be switched from outside: %s", problem)
        return
    server = _server
    threading.Thread(
        target=_serve, args=(server,), name="unslow-profile-socket", daemon=True
    ).start()


def ask(process: int, question: str) -> bytes:
    """What the process answers. Raises `UnslowError` where there is none, or it refuses."""
    path = _path_of(process)
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(TIMEOUT_S * 4)
        try:
            peer.connect(str(path))
            peer.sendall(question.encode() + b"\n")
            peer.shutdown(socket.SHUT_WR)
            answer = _read(peer, MAX_ANSWER_BYTES)
        except OSError as problem:
            raise UnslowError(f"process {process} does not answer: {problem}") from None
    kind, _, content = answer.partition(b"\n")
    if kind != b"ok":
        raise UnslowError(content.decode("utf-8", "replace") or f"process {process} hung up")
    return content


def _path_of(process: int) -> Path:
    try:
        user = os.stat(f"/proc/{process}").st_uid
    except OSError:
        user = os.geteuid()
    home = folder(user)
    path = home / f"{process}.sock"
    try:
        _check(home, user)
        if path.exists():
            return path
        listening = sorted(one.stem for one in home.glob("*.sock"))
    except (OSError, UnslowError):
        listening = []
    raise UnslowError(
        f"process {process} does not listen for profiles; start it with the middleware's setting "
        f"continuous=False (or True, to begin at once)"
        + (f". Processes that listen: {', '.join(listening)}" if listening else "")
    )


def _bound() -> socket.socket:
    home = folder(os.geteuid())
    with contextlib.suppress(FileExistsError):
        home.mkdir(mode=0o700)
    _check(home, os.geteuid())
    _sweep(home)
    path = home / f"{os.getpid()}.sock"
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(4)
    atexit.register(_remove, path, os.getpid())
    return server


def _check(home: Path, user: int) -> None:
    """Nobody else may have made the folder, nor may look into it."""
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user or found.st_mode & 0o077:
        raise UnslowError(f"{home} is not a folder of user {user} alone; remove it")


def _sweep(home: Path) -> None:
    """Remove what killed processes have left."""
    for path in home.glob("*.sock"):
        if path.stem.isdecimal() and not is_alive(int(path.stem)):
            path.unlink(missing_ok=True)


def _remove(path: Path, process: int) -> None:
    if process == os.getpid():
        path.unlink(missing_ok=True)


def _serve(server: socket.socket) -> None:
    while True:
        try:
            peer, _ = server.accept()
        except OSError:
            return
        with peer:
            _wire.safely(_answer)(peer)


def _answer(peer: socket.socket) -> None:
    peer.settimeout(TIMEOUT_S)
    if not _is_allowed(peer):
        return
    question = _read(peer, MAX_QUESTION_BYTES).decode("ascii", "replace").split()
    try:
        peer.sendall(b"ok\n" + _act(*question))
    except (UnslowError, TypeError, ValueError) as problem:
        peer.sendall(f"refused\n{problem}".encode())


def _is_allowed(peer: socket.socket) -> bool:
    if sys.platform != "linux":
        return True  # the folder alone keeps others out
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return _PEER.unpack(credentials)[1] in (0, os.geteuid())


def _act(verb: str = "", hz: str = "") -> bytes:
    actions: dict[str, Callable[[], bytes | None]] = {
        "on": lambda: continuous.on(float(hz) if hz else continuous.HZ),
        "off": continuous.off,
        "pprof": continuous.pprof,
        "speedscope": continuous.speedscope,
    }
    if verb not in actions:
        raise UnslowError(f"there is no {verb!r}; there are {', '.join(actions)}")
    return actions[verb]() or b""


def _read(peer: socket.socket, most: int) -> bytes:
    parts, size = [], 0
    while size < most and (part := peer.recv(65536)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _again() -> None:
    """The child of a fork listens under its own number, where the parent listened."""
    if _process:
        _wire.safely(listen)()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_again)
