"""Speaks to unslow over a local socket: events one way, and questions that wait for an answer."""

import json
import os
import socket
import sys
import threading
import traceback
from collections import deque
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

from unslow.observe import _encode

Message = dict[str, Any]  # JSON

SEND_TIMEOUT_S = 10.0  # a collector that reads no more must not hold the application for longer
ANSWER_TIMEOUT_S = 900.0  # the first connect waits for the database to be cloned
MAX_ERRORS = 50  # per process; the same failure in every request would drown the rest

_path = ""
_lock = threading.RLock()
_stream: socket.socket | None = None
_pending: deque[bytes] = deque()
_errors = 0
_busy = threading.local()


class _Callable(Protocol):
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


F = TypeVar("F", bound=_Callable)


def configure(path: str) -> None:
    """Set the collector's socket; an empty path switches everything off."""
    global _path
    _path = path


def is_open() -> bool:
    return bool(_path)


def send(message: Message) -> None:
    """Send one event. Failures are silent: nobody listens any more."""
    if _path:
        send_line(_encode.line(message))


def send_line(line: bytes) -> None:
    """Send one event that is encoded already."""
    if _path:
        _pending.append(line)
        _flush()


def hello() -> None:
    """Open the connection now, so that the collector knows this process."""
    if _path:
        _flush()


def _flush() -> None:
    """Send what waits. An event from a finalizer that interrupts this waits for the next turn."""
    global _stream
    if getattr(_busy, "sending", False):
        return
    _busy.sending = True
    try:
        with _lock:
            if _stream is None:
                _stream = _dial(SEND_TIMEOUT_S)
                _stream.sendall(_encode.line(_hello()))
            while _pending:
                _stream.sendall(_pending.popleft())
    except OSError:
        _pending.clear()
        _drop()
    finally:
        _busy.sending = False


def ask(question: Message) -> Message:
    """Ask the collector and wait for its answer, over a connection of its own.

    Raises ConnectionError when there is none.
    """
    with _dial(ANSWER_TIMEOUT_S) as peer:
        peer.sendall(_encode.line(question))
        with peer.makefile("rb") as answers:
            line = answers.readline()
    if not line:
        raise ConnectionError("unslow closed the connection without an answer")
    return cast(Message, json.loads(line))


def error(problem: BaseException) -> None:
    """Report a failure of the recorder itself."""
    global _errors
    _errors += 1
    if _errors > MAX_ERRORS:
        return
    text = "".join(traceback.format_exception(problem))[-8000:]
    send({"type": "error", "message": f"{type(problem).__name__}: {problem}", "traceback": text})


def errors() -> int:
    """How many failures of the recorder were swallowed in this process."""
    return _errors


def safely(hook: F) -> F:
    """Wrap a hook so that its failure is reported and never reaches the application."""

    @wraps(hook)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return hook(*args, **kwargs)
        except Exception as problem:  # noqa: BLE001
            error(problem)
            return None

    return cast(F, guarded)


def _dial(timeout: float) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        peer.settimeout(timeout)
        peer.connect(_path)
    except OSError:
        peer.close()
        raise
    return peer


def _hello() -> Message:
    return {
        "type": "hello",
        "pid": os.getpid(),
        "ppid": os.getppid(),
        "arm": os.environ.get("UNSLOW_ARM", ""),
        "python": ".".join(map(str, sys.version_info[:3])),
        "argv": list(getattr(sys, "orig_argv", sys.argv)),
    }


def _drop() -> None:
    global _stream
    stream, _stream = _stream, None
    if stream is not None:
        stream.close()


def _after_fork() -> None:
    """Leave the parent's connection alone; the child opens its own with the next event."""
    global _lock, _stream, _errors, _busy
    _lock = threading.RLock()
    _busy = threading.local()
    _errors = 0
    _pending.clear()
    _drop()


os.register_at_fork(after_in_child=_after_fork)
