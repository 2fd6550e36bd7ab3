"""The load generator: a process of its own that sends requests and tells how long they took."""

import ipaddress
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlsplit

import msgspec

from unslow.errors import UnslowError, UsageError
from unslow.lab.load import _encode
from unslow.lab.load._job import Done, Job
from unslow.lab.load.schedule import MOST_SECONDS, Schedule
from unslow.lab.workload import Call

TIMEOUT_S = 10.0  # a request that takes longer counts as failed
MOST_LINES = 256  # connections at once; further requests wait, and their latency tells
PATIENCE_S = 30.0  # beyond the load's own length and time-outs, until the process is given up


@dataclass(frozen=True)
class Sent:
    """What an open load came to, an entry per request. `picks` are positions in the calls.

    `latencies_ms` run from the intended start, so a server that stalls delays all that was due in
    the meantime. `cpu_share` is the generator's own CPU as a share of one core.
    """

    picks: tuple[int, ...]
    latencies_ms: tuple[float, ...]
    lags_ms: tuple[float, ...]
    statuses: tuple[int, ...]
    error: str
    seconds: float
    cpu_share: float

    @property
    def failures(self) -> int:
        """Requests without an answer, or with one of 400 and above."""
        return sum(status == 0 or status >= 400 for status in self.statuses)


@dataclass(frozen=True)
class Throughput:
    """What a closed load came to: requests per second at one concurrency."""

    concurrency: int
    rate: float
    requests: int
    failures: int
    error: str
    cpu_share: float


class Generator:
    """One process that both versions are asked by. Use as a context manager.

    Loads go to this machine only and are bounded in number and time.
    """

    def __enter__(self) -> "Generator":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "unslow.lab.load._worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def open_loop(self, base_url: str, load: Schedule) -> Sent:
        """Sends each request when it is due. Raises `UnslowError` when the process fails."""
        length = max(load.due, default=0.0)
        done = self._perform(base_url, load.calls, load.picks, MOST_LINES, due=load.due)
        return Sent(
            tuple(done.pick),
            tuple(done.latency_ms),
            tuple(done.lag_ms),
            tuple(done.status),
            done.error,
            done.seconds,
            done.cpu_s / max(length, done.seconds, 1e-9),
        )

    def closed_loop(
        self, base_url: str, calls: Sequence[Call], order: Sequence[int], lines: int, seconds: float
    ) -> Throughput:
        """`lines` connections that always have a request under way. `order` is gone round."""
        seconds = min(seconds, MOST_SECONDS)
        done = self._perform(base_url, calls, order, lines, seconds=seconds)
        failures = sum(status == 0 or status >= 400 for status in done.status)
        share = done.cpu_s / max(done.seconds, 1e-9)
        return Throughput(lines, done.rate, len(done.pick), failures, done.error, share)

    def _perform(
        self,
        base_url: str,
        calls: Sequence[Call],
        order: Sequence[int],
        lines: int,
        due: tuple[float, ...] = (),
        seconds: float = 0.0,
    ) -> Done:
        if not order:
            return Done()
        host, port = loopback(base_url)
        asks = tuple(_encode.ask(call, urlsplit(base_url).netloc) for call in calls)
        job = Job(host, port, asks, tuple(order), min(lines, MOST_LINES), TIMEOUT_S, due, seconds)
        length = max(seconds, max(due, default=0.0))
        return self._exchange(job, length + 2 * TIMEOUT_S + PATIENCE_S)

    def _exchange(self, job: Job, timeout_s: float) -> Done:
        pipe_in, pipe_out = self._process.stdin, self._process.stdout
        assert pipe_in is not None
        assert pipe_out is not None
        try:
            pipe_in.write(msgspec.json.encode(job) + b"\n")
            pipe_in.flush()
        except BrokenPipeError as error:
            raise UnslowError("the load generator's process has ended") from error
        deadline = time.monotonic() + timeout_s
        answer = bytearray()
        while not answer.endswith(b"\n"):
            left = max(deadline - time.monotonic(), 0.0)
            ready, _, _ = select.select([pipe_out], [], [], left)
            part = os.read(pipe_out.fileno(), 1 << 20) if ready else b""
            if not part:
                raise UnslowError(
                    "the load generator's process "
                    + ("ended" if ready else f"gave no answer within {timeout_s:.0f} s")
                )
            answer += part
        return msgspec.json.decode(answer, type=Done)


def loopback(base_url: str) -> tuple[str, int]:
    """Host and port of a server on this machine. Raises `UsageError` for any other."""
    address = urlsplit(base_url)
    host = address.hostname or ""
    is_here = host == "localhost"
    if not is_here:
        try:
            is_here = ipaddress.ip_address(host).is_loopback
        except ValueError:
            is_here = False
    if not is_here or address.port is None or address.scheme != "http":
        raise UsageError(
            f"{base_url}: load goes to this machine only; give http://127.0.0.1:PORT, or export "
            "the workload for Locust with `unslow workload export --locust`"
        )
    return host, address.port
