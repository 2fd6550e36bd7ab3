"""The load generator's own process: reads jobs on its input, answers with what came of them."""

import asyncio
import contextlib
import gc
import os
import selectors
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator

import msgspec

from unslow.lab.load._job import NO_CONNECTION, Done, Job
from unslow.lab.load._line import Line

SWEEP_S = 0.1  # how often late requests are looked for
SETTLE_S = 0.05  # from the order to the first request
PRIORITY = -10  # where it is allowed: a late generator measures itself
SKIPPED = 0.1  # of a closed load's seconds, in which its connections are opened


class _Load:
    """What open and closed loads share: the book, the time-outs, the end."""

    def __init__(self, job: Job, loop: asyncio.AbstractEventLoop) -> None:
        self.job = job
        self.loop = loop
        self.done = Done()
        self.ended = loop.create_future()
        self.lines: list[Line] = []
        self.error = ""

    def book(self, pick: int, latency_s: float, lag_s: float, status: int, error: str) -> None:
        self.done.pick.append(pick)
        self.done.latency_ms.append(round(latency_s * 1e3, 4))
        self.done.lag_ms.append(round(lag_s * 1e3, 4))
        self.done.status.append(status)
        self.error = self.error or error

    def line(self) -> Line:
        self.lines.append(Line(self.loop, self.job.host, self.job.port))
        return self.lines[-1]

    def sweep(self) -> None:
        """Gives up on what has waited too long, and looks again later."""
        oldest = self.loop.time() - self.job.timeout_s
        for line in self.lines:
            if line.busy and line.since < oldest:
                line.fail(f"no answer within {self.job.timeout_s:g} s")
        self.give_up()
        if not self.ended.done():
            self.loop.call_later(SWEEP_S, self.sweep)

    def end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def start(self) -> None:
        raise NotImplementedError

    def give_up(self) -> None:
        """Ends what would never be sent."""

    def rate(self) -> float:
        return 0.0


class _Open(_Load):
    """Requests are due at fixed times. One that finds all connections busy waits for one."""

    def start(self) -> None:
        self._free: deque[Line] = deque()
        self._queue: deque[int] = deque()
        self._due: dict[Line, tuple[int, float]] = {}
        self._first = self.loop.time() + SETTLE_S
        self._last = self._first + max(self.job.due)
        self._lags = [0.0] * len(self.job.due)
        for number, due in enumerate(self.job.due):
            self.loop.call_at(self._first + due, self._now, number)

    def _now(self, number: int) -> None:
        self._lags[number] = self.loop.time() - self._first - self.job.due[number]
        if self._free:
            self._send(self._free.popleft(), number)
        elif len(self.lines) < self.job.lines:
            self._send(self.line(), number)
        else:
            self._queue.append(number)

    def _send(self, line: Line, number: int) -> None:
        self._due[line] = number, self._first + self.job.due[number]
        line.ask(self.job.asks[self.job.order[number]], self._answered)

    def give_up(self) -> None:
        while self._queue and self.loop.time() > self._last + self.job.timeout_s:
            number = self._queue.popleft()
            self._book(number, self._first + self.job.due[number], 0, NO_CONNECTION)

    def _answered(self, line: Line, status: int, error: str) -> None:
        number, due = self._due.pop(line)
        self._book(number, due, status, error)
        if self._queue:
            self._send(line, self._queue.popleft())
        else:
            self._free.append(line)

    def _book(self, number: int, due: float, status: int, error: str) -> None:
        latency, lag = self.loop.time() - due, self._lags[number]
        self.book(self.job.order[number], latency, lag, status, error)
        if len(self.done.pick) == len(self.job.due):
            self.end()


class _Closed(_Load):
    """Each connection sends its next request when the last is answered.

    Its throughput is the sum over connections of answers per second, each up to its first answer
    after the end: by Wald's identity that is unbiased however few answers there are.
    """

    def start(self) -> None:
        self._place = 0
        now = self.loop.time()
        self._from = now + SKIPPED * self.job.seconds
        self._until = now + self.job.seconds
        self._picked: dict[Line, int] = {}
        self._begun: dict[Line, float] = {}
        self._counted: dict[Line, int] = {}
        self._last: dict[Line, float] = {}
        self._left = self.job.lines
        for _ in range(self.job.lines):
            self._next(self.line())

    def _next(self, line: Line) -> None:
        self._picked[line] = self.job.order[self._place % len(self.job.order)]
        self._place += 1
        line.ask(self.job.asks[self._picked[line]], self._answered)

    def _answered(self, line: Line, status: int, error: str) -> None:
        now = self.loop.time()
        self.book(self._picked[line], now - line.since, 0.0, status, error)
        if line not in self._begun:
            if now >= self._from:
                self._begun[line] = now
        elif status:
            self._counted[line] = self._counted.get(line, 0) + 1
            self._last[line] = now
        late = now >= self._until + self.job.timeout_s
        if (now >= self._until and line in self._last) or late or (error and now >= self._until):
            self._left -= 1
            if not self._left:
                self.end()
        elif error:
            self.loop.call_later(SWEEP_S, self._next, line)  # a dead server is not hammered
        else:
            self._next(line)

    def rate(self) -> float:
        return sum(
            count / (self._last[line] - self._begun[line]) for line, count in self._counted.items()
        )


async def perform(job: Job) -> Done:
    """Sends the load; ends when the last request is answered or given up."""
    loop = asyncio.get_running_loop()
    load: _Load = (_Open if job.due else _Closed)(job, loop)
    cpu, started = time.process_time(), loop.time()
    gc.collect()
    gc.disable()
    try:
        load.start()
        load.sweep()
        await load.ended
    finally:
        gc.enable()
        for line in load.lines:
            line.close()
    return msgspec.structs.replace(
        load.done,
        error=load.error,
        rate=load.rate(),
        seconds=loop.time() - started,
        cpu_s=time.process_time() - cpu,
    )


def precise_loop() -> asyncio.AbstractEventLoop:
    """A loop whose timers are exact to microseconds: epoll and poll round up to milliseconds."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def _jobs() -> Iterator[Job]:
    for line in sys.stdin.buffer:
        yield msgspec.json.decode(line, type=Job)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it, by closing its input
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        for job in _jobs():
            sys.stdout.buffer.write(msgspec.json.encode(runner.run(perform(job))) + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
