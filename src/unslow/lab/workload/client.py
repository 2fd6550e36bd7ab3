"""Sends calls over one kept-alive connection, with as little work as a client can do."""

import contextlib
import http.client
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from unslow.lab.workload._call import Call

TIMEOUT_S = 60.0  # for a whole response: a stream that never ends is no answer
MOST_BYTES = 1 << 28  # of a response; an endless one must not fill the memory


@dataclass(frozen=True)
class Response:
    """`seconds` runs from before the request is written until the body is read."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    seconds: float

    def header(self, name: str) -> str:
        """The first header of that name (any case), or ""."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


class _Socket(socket.socket):
    """Gives up at a point in time, however steadily something still arrives."""

    _until = 0.0
    _bytes_left = 0

    def begin(self, timeout_s: float) -> None:
        self._until = time.monotonic() + timeout_s
        self._bytes_left = MOST_BYTES
        self.settimeout(timeout_s)

    def recv_into(self, *into: Any) -> int:
        seconds_left = self._until - time.monotonic()
        if seconds_left <= 0:
            raise TimeoutError
        self.settimeout(seconds_left)
        received = super().recv_into(*into)
        self._bytes_left -= received
        if self._bytes_left < 0:
            raise OSError(f"the response is longer than {MOST_BYTES >> 20} MB")
        return received


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = _Socket(fileno=self.sock.detach())
        self.sock.begin(self.timeout or TIMEOUT_S)


class Client:
    """A client for one server. Redirects are not followed; a dropped connection is opened again.

    Raises `OSError` (`ConnectionError`, `TimeoutError`) when the server does not answer.
    """

    def __init__(self, base_url: str, timeout_s: float = TIMEOUT_S) -> None:
        address = urlsplit(base_url)
        self._timeout_s = timeout_s
        self._connection = _Connection(
            address.hostname or "127.0.0.1", address.port, timeout=timeout_s
        )

    def send(self, call: Call, request_id: str | None = None) -> Response:
        headers = dict(call.headers)
        if request_id is not None:
            headers["X-Unslow-Request"] = request_id
        if call.writes:
            self.close()  # never sent twice, so its connection must not be stale
        reused = self._connection.sock is not None
        try:
            return self._exchange(call, headers)
        except (http.client.HTTPException, ConnectionError) as error:
            self.close()
            # A kept-alive connection may be closed by the server between two requests.
            if not reused:
                raise ConnectionError(f"{call.method} {call.path}: {error}") from error
        try:
            return self._exchange(call, headers)
        except http.client.HTTPException as error:
            self.close()
            raise ConnectionError(f"{call.method} {call.path}: {error}") from error

    def _exchange(self, call: Call, headers: dict[str, str]) -> Response:
        started = time.perf_counter()
        try:
            if isinstance(self._connection.sock, _Socket):
                self._connection.sock.begin(self._timeout_s)
            self._connection.request(call.method, call.path, body=call.body, headers=headers)
            answer = self._connection.getresponse()
            body = answer.read()
        except TimeoutError as error:
            self.close()
            raise TimeoutError(f"no answer within {self._timeout_s:g} s") from error
        return Response(
            answer.status,
            tuple(answer.getheaders()),
            body,
            time.perf_counter() - started,
        )

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.close()
