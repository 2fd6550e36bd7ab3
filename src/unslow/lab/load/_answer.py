"""Reads one HTTP/1.1 response as it arrives, and keeps nothing of it but the status."""

from enum import Enum, auto

MOST_HEAD_BYTES = 256 * 1024


class _Part(Enum):
    HEAD = auto()
    SIZED = auto()
    CHUNKED = auto()
    TRAILER = auto()
    UNTIL_CLOSE = auto()


class Answer:
    """`reusable` tells whether the connection may carry another request afterwards.

    `has_body` is false for the answer to a HEAD request.
    """

    def __init__(self, has_body: bool = True) -> None:
        self.status = 0
        self.reusable = False
        self.begun = False
        self._has_body = has_body
        self._buffer = bytearray()
        self._part = _Part.HEAD
        self._left = 0

    def feed(self, data: bytes) -> bool:
        """Takes what has arrived; true when the response is complete. ValueError for no HTTP."""
        self.begun = True
        self._buffer += data
        while self._part is _Part.HEAD:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > MOST_HEAD_BYTES:
                    raise ValueError("the head of the response does not end")
                return False
            self._read_head(bytes(self._buffer[:end]).lower())
            del self._buffer[: end + 4]
        if self._part is _Part.SIZED:
            self._left -= len(self._buffer)
            self._buffer.clear()
            return self._left <= 0
        if self._part is _Part.UNTIL_CLOSE:
            self._buffer.clear()
            return False
        return self._read_chunks()

    def closed(self) -> bool:
        """Whether the response is complete now that the server has closed the connection."""
        self.reusable = False
        return self._part is _Part.UNTIL_CLOSE

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.split(b"\r\n")
        if not first.startswith(b"http/1."):
            raise ValueError(f"no HTTP/1 response: {first[:40]!r}")
        status = int(first[9:12])
        if 100 <= status < 200:
            return  # an interim response: the real one follows
        self.status = status
        headers = {}
        for line in lines:
            name, _, value = line.partition(b":")
            headers[name] = value.strip()
        connection = headers.get(b"connection", b"")
        old = first.startswith(b"http/1.0")
        self.reusable = b"keep-alive" in connection if old else b"close" not in connection
        if not self._has_body or status in (204, 304):
            self._part, self._left = _Part.SIZED, 0
        elif b"chunked" in headers.get(b"transfer-encoding", b""):
            self._part = _Part.CHUNKED
        elif b"content-length" in headers:
            self._part, self._left = _Part.SIZED, int(headers[b"content-length"])
        else:
            self._part = _Part.UNTIL_CLOSE

    def _read_chunks(self) -> bool:
        """Chunks are passed over; `_left` counts what is missing of one with its line end."""
        while self._part is _Part.CHUNKED:
            passed = min(self._left, len(self._buffer))
            del self._buffer[:passed]
            self._left -= passed
            if self._left:
                return False
            end = self._buffer.find(b"\r\n")
            if end < 0:
                return False
            size = int(self._buffer[:end].split(b";")[0], 16)
            del self._buffer[: end + 2]
            if size == 0:
                self._part = _Part.TRAILER
            else:
                self._left = size + 2
        while (end := self._buffer.find(b"\r\n")) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 2]
            if not line:
                return True
        return False
