"""Looks after the directory in which the workers of one server share their metrics."""

import glob
import logging
import os
from collections.abc import Iterator
from contextlib import suppress

from unslow.errors import UsageError
from unslow.kit._processes import is_alive

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

logger = logging.getLogger("unslow")


def directory() -> str:
    """Where the workers write; "" for a server of one process."""
    return os.environ.get(VARIABLE, "")


def check() -> None:
    """Raise a `UsageError` where nothing can be written, and warn of what an earlier run left."""
    path = directory()
    if not path:
        return
    if not os.path.isdir(path):
        found = "is not a directory" if os.path.exists(path) else "does not exist"
        raise UsageError(f"{VARIABLE}={path} {found}; make it before the server starts")
    if not os.access(path, os.W_OK | os.X_OK):
        raise UsageError(
            f"{VARIABLE}={path} cannot be written by user {os.getuid()}; give it to that user"
        )
    began = _run_began()
    left = [file for file in _of_the_dead(path) if _written(file) < began]
    if left:
        logger.warning(
            "%s=%s holds %d files of an earlier run, which are counted as well; "
            "empty it before the server starts",
            VARIABLE,
            path,
            len(left),
        )


def bury(pid: int) -> None:
    """Remove what a process that has ended says of the moment; what it counted stays."""
    path = directory()
    if path:
        from prometheus_client.multiprocess import mark_process_dead

        with suppress(FileNotFoundError):  # another worker buries it as well
            mark_process_dead(pid, path)  # type: ignore[no-untyped-call]


def bury_all() -> None:
    """The same for every process that is not there any more, whoever ended it."""
    for pid in {_pid(file) for file in _of_the_dead(directory()) if "/gauge_live" in file}:
        bury(pid)


def _of_the_dead(path: str) -> Iterator[str]:
    for file in glob.glob(os.path.join(glob.escape(path), "*.db")):
        pid = _pid(file)
        if pid and not is_alive(pid):
            yield file


def _written(file: str) -> float:
    """When it was last written to; not before anything, where another worker has removed it."""
    try:
        return os.stat(file).st_mtime
    except FileNotFoundError:
        return float("inf")


def _pid(file: str) -> int:
    number = os.path.basename(file).rpartition("_")[2].removesuffix(".db")
    return int(number) if number.isdigit() else 0


def _run_began() -> float:
    """When the server began: this process, or those above it that run the same interpreter.

    The beginning of time where the system does not tell.
    """
    pid, began = os.getpid(), 0.0
    try:
        began = _started(pid)
        while os.readlink(f"/proc/{_parent(pid)}/exe") == os.readlink(f"/proc/{pid}/exe"):
            pid = _parent(pid)
            began = _started(pid)
    except OSError:  # the system does not tell, or the parent is another user's
        return began
    return began


def _started(pid: int) -> float:
    """The time of day at which a process was started."""
    with open("/proc/stat", encoding="ascii") as file:
        booted = next(int(line.split()[1]) for line in file if line.startswith("btime"))
    return booted + int(_stat(pid)[19]) / os.sysconf("SC_CLK_TCK")


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    """The fields of `/proc/PID/stat` after the name, beginning with the state."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()
