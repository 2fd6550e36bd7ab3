"""Reports which PostgreSQL backends serve this process, and the CPU each has used when it ends."""

import os
import weakref
from typing import Any

from unslow.observe import _wire

_open: dict[int, "weakref.finalize[..., Any]"] = {}  # id(connection) -> its last report


@_wire.safely
def opened(connection: Any, backend: int) -> None:
    """A connection is there; `backend` is the process id of its server side."""
    if not _wire.is_open():
        return
    process = os.getpid()
    report = weakref.finalize(connection, _closed, id(connection), backend, process)
    _open[id(connection)] = report
    _send("open", backend, process)


@_wire.safely
def closing(connection: Any) -> None:
    """The connection is about to be closed for good."""
    report = _open.pop(id(connection), None)
    if report is not None:
        report()


def _closed(key: int, backend: int, process: int) -> None:
    if os.getpid() == process:  # a fork inherits the connections of its parent, and their reports
        _open.pop(key, None)
        _wire.safely(_send)("close", backend, process)


def _send(event: str, backend: int, process: int) -> None:
    _wire.send(
        {
            "type": "backend",
            "event": event,
            "pid": backend,
            "process": process,
            "cpu_ns": _cpu_ns(backend),
        }
    )


def _cpu_ns(backend: int) -> int:
    """CPU time of the backend; 0 if it is gone or runs on another machine."""
    try:
        with open(f"/proc/{backend}/comm") as name, open(f"/proc/{backend}/schedstat") as times:
            return int(times.read().split()[0]) if name.read().startswith("postgres") else 0
    except (OSError, ValueError, IndexError):
        return 0
