"""Listens to the recorders of the application's processes."""

import socketserver
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from unslow.lab.live._places import Places
from unslow.lab.live._seen import Begun, Seen
from unslow.lab.target import Description
from unslow.lab.target._wire import Hello
from unslow.model import Request


class _Envelope(msgspec.Struct):
    type: str


class _Error(msgspec.Struct):
    message: str = ""


class _Begun(msgspec.Struct):
    id: str
    method: str
    path: str


class _Described(Description, frozen=True, tag="description", tag_field="type"):
    pass


_type = msgspec.json.Decoder(_Envelope)
_request = msgspec.json.Decoder(Request)
_begun = msgspec.json.Decoder(_Begun)
_hello = msgspec.json.Decoder(Hello)
_described = msgspec.json.Decoder(_Described)
_error = msgspec.json.Decoder(_Error)


class Listener:
    """A unix socket that every observed process connects to; `heard` is called after a request."""

    def __init__(self, path: Path, seen: Seen, places: Places, heard: Callable[[], None]) -> None:
        self._seen = seen
        self._places = places
        self._heard = heard
        self._processes: set[int] = set()
        self._lock = threading.Lock()
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer._listen(self.rfile.readline)

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128

        self._server = Server(str(path), Handler)
        threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="unslow-listener", daemon=True
        ).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _listen(self, readline: Callable[[], bytes]) -> None:
        """One process, from its hello to its end."""
        pid = 0
        try:
            while line := readline():
                try:
                    pid = self._receive(line) or pid
                except msgspec.DecodeError as error:
                    self._seen.failed(f"a line of the recorder is not understood: {error}")
        except OSError:
            pass
        finally:
            if pid:
                self._process(pid, is_new=False)

    def _receive(self, line: bytes) -> int:
        """Take in one line; the process's number where it says hello."""
        match _type.decode(line).type:
            case "hello":
                pid = _hello.decode(line).pid
                self._process(pid, is_new=True)
                return pid
            case "begun":
                begun = _begun.decode(line)
                self._seen.began(Begun(begun.id, time.time(), begun.method, begun.path))
            case "request":
                self._seen.ended(self._places.relative.request(_request.decode(line)))
                self._heard()
            case "description":
                self._describe(_described.decode(line))
            case "error":
                self._seen.failed(_error.decode(line).message)
        return 0

    def _process(self, pid: int, *, is_new: bool) -> None:
        with self._lock:
            (self._processes.add if is_new else self._processes.discard)(pid)
            self._seen.process(pid, len(self._processes), is_new=is_new)

    def _describe(self, found: _Described) -> None:
        self._places.learn(found.packages)
        relative = self._places.relative
        self._seen.description = Description(
            kind=found.kind,
            framework=found.framework,
            python=found.python,
            database=found.database,
            routes=tuple(map(relative.route, found.routes)),
            models=tuple(map(relative.model, found.models)),
            server=found.server,
        )
        self._seen.changed(framework=found.framework, database=found.database, python=found.python)
        self._heard()
