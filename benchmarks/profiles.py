"""Measures what profiles cost: CPU per request with the continuous one on, against off.

    python -m benchmarks.profiles [--rounds 40] [--requests 60]

One process serves a Flask view that computes for about two milliseconds, beside sixteen threads
that wait for work. In each round every rate is on once, in random order, so that a busy machine
slows all alike. Printed is the median over the rounds of the process's CPU time at each rate as a
ratio to none, with the quartiles, and the share of a core that the looking thread itself takes, by
its own clock; then the middleware's look at the query string of every request, and the CPU of a
request with its profile as a ratio to one without.
"""

import argparse
import io
import random
import statistics
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask

from unslow.kit import continuous, wsgi
from unslow.kit.profiling import asked

RATES = (0, 10, 20, 50, 100)
IDLE_THREADS = 16
VIEW_S = 0.002
WARM_LOOKS = 10  # the first looks meet every line for the first time


def application() -> Callable[..., Any]:
    """A view that formats and adds up, in the middleware."""
    flask = Flask("benchmark")

    @flask.get("/items/<int:count>")
    def items(count: int) -> str:
        return str(sum(len(f"item {number:08d}") for number in range(count)))

    return wsgi.Middleware(flask, debug=True)


def serve(app: Callable[..., Any], count: int, query: str = "") -> None:
    body = app(
        {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": f"/items/{count}",
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
            "wsgi.version": (1, 0),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        },
        lambda status, headers, *rest: None,
    )
    b"".join(body)
    getattr(body, "close", lambda: None)()


def warm_up(app: Callable[..., Any], count: int, seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        serve(app, count)


def own_cpu() -> float:
    """CPU seconds of the thread that looks."""
    sampler = continuous._sampler
    if sampler is None or not continuous.is_on():
        return 0.0
    return time.clock_gettime(time.pthread_getcpuclockid(sampler._thread.ident or 0))


def cpu(app: Callable[..., Any], count: int, requests: int, query: str = "") -> float:
    """CPU seconds of the process per request."""
    serve(app, count, query)
    started = time.process_time()
    for _ in range(requests):
        serve(app, count, query)
    return (time.process_time() - started) / requests


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--requests", type=int, default=60)
    options = parser.parse_args()
    app = application()
    count = next(n for n in range(1000, 10**6, 1000) if cpu(app, n, 5) > VIEW_S)
    ratios: dict[int, list[float]] = defaultdict(list)
    shares: dict[int, list[float]] = defaultdict(list)
    barrier = threading.Event()
    with ThreadPoolExecutor(IDLE_THREADS) as pool:
        for _ in range(IDLE_THREADS):
            pool.submit(barrier.wait)
        for _ in range(options.rounds):
            spent = {}
            for hz in random.sample(RATES, len(RATES)):
                if hz:
                    continuous.on(hz)
                    warm_up(app, count, WARM_LOOKS / hz)
                before, started = own_cpu(), time.perf_counter()
                spent[hz] = cpu(app, count, options.requests)
                shares[hz].append((own_cpu() - before) / (time.perf_counter() - started))
                continuous.off()
            for hz in RATES:
                ratios[hz].append(spent[hz] / spent[0])
        barrier.set()
    for hz in RATES[1:]:
        low, middle, high = statistics.quantiles(ratios[hz], n=4)
        print(
            f"continuous {hz:3d} Hz  {middle:.4f}  ({low:.4f} to {high:.4f}),"
            f" of a core {statistics.mean(shares[hz]):.4f}"
        )
    started = time.perf_counter()
    for _ in range(100_000):
        asked("a=1&page=7", "")
    print(f"a look at a query  {(time.perf_counter() - started) * 10:.2f} us")
    profiled = cpu(app, count, 20, "profile=text") / cpu(app, count, 20)
    print(f"with its profile as text  {profiled:.2f}")


if __name__ == "__main__":
    main()
