"""Listens to the recorders of one launch, and answers which database they may open."""

import contextlib
import json
import selectors
import socket
import threading
from collections.abc import Callable, Collection
from pathlib import Path

import msgspec

from unslow.errors import UnslowError
from unslow.lab.target._sites import Relative
from unslow.lab.target._wire import (
    Backend,
    Blocked,
    Connect,
    Effect,
    Hello,
    Message,
    RecorderError,
    decode,
)
from unslow.model import Request

Answer = dict[str, object]
IDLE_S = 0.5  # how long the thread waits before it looks whether it should end
MAX_EFFECTS = 100_000  # a launch that is measured for long sends no more than it is asked for
MAX_ERRORS = 50  # a recorder that fails on every query must not fill the memory


class Broker:
    """A unix socket server for one launch.

    Everything the application sent before a call is seen by that call: `pump` reads what waits in
    the sockets in the caller's own thread.
    """

    def __init__(self, path: Path, answer: Callable[[Connect], Answer], relative: Relative) -> None:
        self.path = path
        self.hellos: list[Hello] = []
        self.gone = 0  # processes that said hello and went away
        self.backends: dict[int, Backend] = {}
        self.closed_backends: list[Backend] = []
        self.blocked: dict[str, None] = {}
        self.effects: list[Effect] = []
        self.errors: list[str] = []
        self.problem: UnslowError | None = None
        self._answer = answer
        self._relative = relative
        self._requests: dict[str, Request] = {}
        self._buffers: dict[socket.socket, bytearray] = {}
        self._lock = threading.RLock()
        self._arrived = threading.Condition(self._lock)
        self._stopping = threading.Event()
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(128)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="unslow-broker", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as knock:
            knock.connect(str(self.path))  # wakes the thread
        self._thread.join(2 * IDLE_S)
        with self._lock:
            for connection in (*self._buffers, self._listener):
                connection.close()
            self._buffers.clear()
            self._selector.close()
        self.path.unlink(missing_ok=True)

    def pump(self) -> None:
        """Handle everything that has been sent until now."""
        with self._lock:
            while not self._stopping.is_set():
                ready = self._selector.select(0)
                if not ready:
                    return
                for key, _ in ready:
                    self._handle(key.fileobj)

    def wait_for(self, ids: Collection[str], timeout: float) -> list[Request]:
        """Take the requests with these ids, in order of arrival; waits for them to arrive."""
        wanted = set(ids)
        self.pump()
        with self._lock:
            self._arrived.wait_for(lambda: wanted <= self._requests.keys(), timeout)
            found = [key for key in self._requests if key in wanted]
            return [self._requests.pop(key) for key in found]

    def _run(self) -> None:
        while not self._stopping.is_set():
            # The selection stays outside the lock, so that `pump` never waits for it.
            if self._selector.select(IDLE_S):
                self.pump()

    def _handle(self, source: object) -> None:
        if source is self._listener:
            with contextlib.suppress(BlockingIOError):
                connection, _ = self._listener.accept()
                connection.setblocking(False)
                self._buffers[connection] = bytearray()
                self._selector.register(connection, selectors.EVENT_READ)
        elif isinstance(source, socket.socket) and source in self._buffers:
            self._read(source)

    def _read(self, connection: socket.socket) -> None:
        try:
            chunk = connection.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._forget(connection)
            connection.close()
            return
        buffer = self._buffers[connection]
        buffer += chunk
        if b"\n" not in chunk:
            return
        *lines, rest = bytes(buffer).split(b"\n")
        self._buffers[connection] = bytearray(rest)
        for line in lines:
            self._receive(line, connection)

    def _forget(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        del self._buffers[connection]
        self.gone += 1

    def _receive(self, line: bytes, connection: socket.socket) -> None:
        try:
            message = decode(line)
        except msgspec.DecodeError as error:
            self._error(f"the recorder sent a line that is not understood: {error}")
            return
        if isinstance(message, Request):
            self._requests[message.id] = self._relative.request(message)
            self._arrived.notify_all()
        elif isinstance(message, Connect):
            self._forget(connection)
            self.gone -= 1
            threading.Thread(
                target=self._reply, args=(connection, message), name="unslow-connect", daemon=True
            ).start()
        else:
            self._note(message)

    def _note(self, message: Message) -> None:
        match message:
            case Hello():
                self.hellos.append(message)
            case Backend(event="open"):
                self.backends[message.pid] = message
            case Backend():
                self.backends.pop(message.pid, None)
                self.closed_backends.append(message)
            case Blocked(host=host, port=port, what=what):
                self.blocked[f"{host}:{port} ({what})" if port else f"{host} ({what})"] = None
            case Effect():
                if len(self.effects) < MAX_EFFECTS:
                    self.effects.append(message)
            case RecorderError(message=text, traceback=traceback):
                self._error(f"{text}\n{traceback}".strip())

    def _error(self, text: str) -> None:
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(text)

    def _reply(self, connection: socket.socket, message: Connect) -> None:
        try:
            reply = self._answer(message)
        except UnslowError as error:
            self.problem = self.problem or error
            reply = {"error": str(error)}
        with connection, contextlib.suppress(OSError):
            connection.setblocking(True)
            connection.sendall(json.dumps(reply).encode() + b"\n")
