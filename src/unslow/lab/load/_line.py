"""One kept-alive connection of the load generator."""

import asyncio
from collections.abc import Callable

from unslow.lab.load._answer import Answer
from unslow.lab.load._job import Ask

Done = Callable[["Line", int, str], None]  # the line, the status (0: none), what went wrong


class Line:
    """Asks one request at a time; opens its connection when it has none.

    A safe request that finds its connection closed by the server is sent once more.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, host: str, port: int) -> None:
        self.since = 0.0
        self._loop = loop
        self._place = host, port
        self._wire: _Wire | None = None
        self._task: asyncio.Task[None] | None = None
        self._ask: Ask | None = None
        self._done: Done | None = None
        self._answer = Answer()
        self._fresh = False

    @property
    def busy(self) -> bool:
        return self._ask is not None

    def ask(self, ask: Ask, done: Done) -> None:
        """Sends the request; `done` is called once, when it is answered or has failed."""
        self._ask, self._done = ask, done
        self.since = self._loop.time()
        self._answer = Answer(not ask.head)
        # A write is never sent twice, so its connection must not be stale.
        if self._wire is not None and ask.safe:
            self._fresh = False
            self._wire.write(ask.raw)
        else:
            self._open()

    def fail(self, reason: str) -> None:
        """Gives up on the request that is under way."""
        self._finish(0, reason)

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._wire is not None:
            self._wire.leave()
            self._wire = None

    def received(self, data: bytes) -> None:
        if self._ask is None:
            self.close()  # nothing was asked
            return
        try:
            complete = self._answer.feed(data)
        except ValueError as error:
            self._finish(0, str(error))
            return
        if complete:
            self._finish(self._answer.status, "")

    def lost(self, error: Exception | None) -> None:
        self._wire = None
        if self._ask is None:
            return
        if self._answer.closed():
            self._finish(self._answer.status, "")
        elif self._ask.safe and not self._fresh and not self._answer.begun:
            self._open()
        else:
            self._finish(0, str(error) if error else "the server closed the connection")

    def _open(self) -> None:
        self.close()
        self._fresh = True
        self._task = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        try:
            wire = _Wire(self)
            await self._loop.create_connection(lambda: wire, *self._place)
        except OSError as error:
            self._task = None
            self._finish(0, str(error))
            return
        self._task, self._wire = None, wire
        if self._ask is not None:
            wire.write(self._ask.raw)

    def _finish(self, status: int, error: str) -> None:
        done, self._ask, self._done = self._done, None, None
        if error or not self._answer.reusable:
            self.close()
        if done is not None:
            done(self, status, error)


class _Wire(asyncio.Protocol):
    """The connection that a line has at the moment; one that it has left is not heard."""

    def __init__(self, line: Line) -> None:
        self._line: Line | None = line
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._line is None:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._line is not None:
            self._line.received(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self._line is not None:
            self._line.lost(error)

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def leave(self) -> None:
        self._line = None
        if self._transport is not None:
            self._transport.abort()
