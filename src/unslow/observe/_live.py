"""Tells the page of `unslow live` that a request has begun, and what the application is."""

import os
import threading

from unslow.observe import _describe, _record, _wire

_described: set[tuple[int, bool]] = set()  # processes, before and after their first query


def install() -> None:
    """Report from now on; a process says what it is after its first request, and first query."""
    _record.listen(_began, begin=True)
    _record.listen(_ended)


def _began(record: _record.RequestRecord) -> None:
    _wire.send(
        {
            "type": "begun",
            "id": record.id,
            "method": record.method,
            "path": record.path,
            "pid": os.getpid(),
        }
    )


def _ended(record: _record.RequestRecord) -> None:
    stage = (os.getpid(), bool(record.queries))
    if stage not in _described:
        _described.add(stage)
        threading.Thread(target=_describe_all, name="unslow-describe", daemon=True).start()


@_wire.safely
def _describe_all() -> None:
    _wire.send({"type": "description", **_describe.describe()})
