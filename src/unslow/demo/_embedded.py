"""Starts a server in a temporary folder on a free loopback port, and is sure to stop it."""

import contextlib
import errno
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from unslow.errors import UnslowError

HOST = "127.0.0.1"
START_TIMEOUT_S = 30
POLL_S = 0.02
LOG_NAME = "server.log"
KEEPER = Path(__file__).with_name("_keeper.py")


def package_folder(package: str) -> Path:
    """The folder of an installed package, found without importing it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UnslowError(
            f"the embedded servers need the package {package}; run: pip install 'unslow[demo]'"
        )
    return Path(spec.submodule_search_locations[0])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    """A new folder, removed at the end. Raises UnslowError when the disk is full or read-only."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"unslow-{name}-"))
    except OSError as error:
        raise UnslowError(
            f"cannot create a folder for {name} in {tempfile.gettempdir()}: {error.strerror}; "
            "free some space or set TMPDIR to a writable folder"
        ) from error
    try:
        yield folder
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise UnslowError(disk_full(folder)) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def disk_full(folder: Path) -> str:
    return f"no space left on the disk of {folder}; free some or set TMPDIR to another disk"


@contextlib.contextmanager
def running(
    name: str,
    folder: Path,
    command: Sequence[str],
    ready: Callable[[], bool],
    *,
    stop_signal: str,
    user: int | None = None,
) -> Iterator[int]:
    """Run `command` in `folder` until the block ends; yields the server's pid once `ready()`.

    `user` is the uid to run as, for a caller who is root. Raises UnslowError with the end of the
    server's log when it does not start.
    """
    log = folder / LOG_NAME
    arguments = [str(folder), stop_signal, "" if user is None else str(user), *command]
    with log.open("ab") as stderr:
        keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(KEEPER), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    try:
        pid = keeper.stdout.readline()
        _wait_until(ready, keeper, name, log)
        yield int(pid)
    finally:
        with contextlib.suppress(BrokenPipeError):
            keeper.stdin.close()
        keeper.wait()
        keeper.stdout.close()


def _wait_until(
    ready: Callable[[], bool], keeper: subprocess.Popen[bytes], name: str, log: Path
) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while keeper.poll() is None:
        if ready():
            return
        if time.monotonic() > deadline:
            raise UnslowError(f"{name} did not answer in {START_TIMEOUT_S} s:\n{log_end(log)}")
        time.sleep(POLL_S)
    text = log_end(log)
    if "No space left on device" in text:
        raise UnslowError(disk_full(log.parent))
    raise UnslowError(f"{name} stopped while it started:\n{text}")


def log_end(log: Path, lines: int = 12) -> str:
    text = log.read_text(errors="replace").strip()
    return "\n".join(text.splitlines()[-lines:]) or "(it logged nothing)"
