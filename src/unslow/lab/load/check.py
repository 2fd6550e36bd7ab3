"""Whether the load generator can be believed: its own speed, its lateness, its CPU."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from unslow.errors import UnslowError
from unslow.lab.load.generator import Generator, Sent, Throughput
from unslow.lab.workload import Call
from unslow.model import GeneratorCheck

ECHO_LINES = 8
ECHO_S = 0.5
KNOWN_RATE = 400.0  # per second; a Python echo server alone does several thousand
KNOWN_S = 0.5
RATE_TOLERANCE = 0.15  # a server that keeps to its rate is measured at it
MOST_OF_CEILING = 0.7
MOST_CPU = 0.8  # of a core; beyond it requests wait for the generator
MOST_LAG_MS = 1.0  # below it the lateness is the timers'
MOST_LAG = 0.1  # of the latency at the same quantile
LAG_QUANTILES = (0.5, 0.95)
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_CALL = Call("GET", "/", "GET /")


@dataclass(frozen=True)
class Ceiling:
    """Requests per second that the generator reached against a server that does nothing, and
    what it measured of a server that answers `known` times per second."""

    rate: float
    known: float
    measured: float

    @property
    def true(self) -> bool:
        return abs(self.measured / self.known - 1) <= RATE_TOLERANCE


def ceiling(generator: Generator) -> Ceiling:
    """Try the generator on two servers of this process: as fast as can be, and of known rate."""
    with echo() as url:
        fastest = generator.closed_loop(url, [_CALL], [0], ECHO_LINES, ECHO_S)
    with echo(KNOWN_RATE) as url:
        known = generator.closed_loop(url, [_CALL], [0], ECHO_LINES, KNOWN_S)
    if not fastest.rate or not known.rate:
        raise UnslowError(f"the load generator cannot reach this machine: {fastest.error}")
    return Ceiling(fastest.rate, KNOWN_RATE, known.rate)


@contextmanager
def echo(rate: float | None = None) -> Iterator[str]:
    """The address of a server in a thread of this process that answers everything with "ok", at
    most `rate` times per second and exactly so often under a closed load."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="unslow-echo", daemon=True)
    thread.start()
    paced = _Paced(loop, rate) if rate else None
    listening = asyncio.run_coroutine_threadsafe(
        loop.create_server(lambda: _Echo(paced), "127.0.0.1", 0), loop
    )
    server = listening.result()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def checked(ceiling: Ceiling, loads: Sequence[Sent | Throughput], asked: float) -> GeneratorCheck:
    """Judges the generator by all `loads` of a claim; `asked` is the highest rate among them."""
    sent = [one for one in loads if isinstance(one, Sent)]
    share = max((one.cpu_share for one in loads), default=0.0)
    return GeneratorCheck(
        round(ceiling.rate, 1),
        round(_lag(sent, 0.95), 3),
        round(share, 3),
        _slowness(ceiling, asked, share) or _lateness(sent),
    )


def quantile(values: Sequence[float], q: float) -> float:
    """The value below which a share `q` lies, between neighbours in proportion; 0 for none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    low = int(place)
    if low == place:
        return ordered[low]
    return ordered[low] + (ordered[low + 1] - ordered[low]) * (place - low)


def _slowness(ceiling: Ceiling, asked: float, share: float) -> str:
    if not ceiling.true:
        return (
            f"the load generator measured {ceiling.measured:.0f} requests/s of a server that "
            f"answers {ceiling.known:.0f}"
        )
    if asked > MOST_OF_CEILING * ceiling.rate:
        return (
            f"{asked:.0f} requests/s were wanted or served, and the load generator itself "
            f"reaches {ceiling.rate:.0f}"
        )
    if share > MOST_CPU:
        return f"the load generator was busy for {share:.0%} of a core"
    return ""


def _lateness(sent: Sequence[Sent]) -> str:
    """Late sends lengthen the latencies of both versions: little at each quantile, or it counts.

    Compared with the faster loads, which lateness distorts most.
    """
    for q in LAG_QUANTILES:
        lag = _lag(sent, q)
        latency = quantile([quantile(one.latencies_ms, q) for one in sent if one.picks], 0.25)
        if lag > max(MOST_LAG_MS, MOST_LAG * latency):
            return (
                f"the load generator sent its requests late (p{q * 100:.0f} {lag:.1f} ms, against "
                f"a latency of {latency:.1f} ms)"
            )
    return ""


def _lag(sent: Sequence[Sent], q: float) -> float:
    return quantile([lag for one in sent for lag in one.lags_ms], q)


class _Paced:
    """Calls back `rate` times per second while something always waits; catches up when late."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rate: float) -> None:
        self._loop = loop
        self._gap = 1 / rate
        self._next = 0.0

    def later(self, answer: Callable[[], None]) -> None:
        self._next = self._next + self._gap if self._next else self._loop.time()
        self._loop.call_at(self._next, answer)


class _Echo(asyncio.Protocol):
    def __init__(self, paced: _Paced | None) -> None:
        self._paced = paced

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for _ in range(data.count(b"\r\n\r\n")):
            if self._paced:
                self._paced.later(self._answer)
            else:
                self._answer()

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(_ANSWER)
