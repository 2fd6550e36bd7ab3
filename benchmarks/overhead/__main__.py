"""Measures the CPU time per request of an application with each tool, against none.

    python -m benchmarks.overhead [--launches 3] [--rounds 20] [--requests 20] [--only NAME]

One server per tool runs the same page on the same PostgreSQL; every round asks all of them, one
after another in random order, so that a busy machine slows all alike. The CPU time is that of the
worker's threads (/proc/PID/task/*/schedstat), not of the database or the client. Printed is the
median over the rounds of all launches of its ratio to the server without a tool in the same round,
and where the middle half of the rounds lies. `none again` is a second server without a tool: what
it differs by is noise.
"""

import argparse
import http.client
import os
import random
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.overhead import _environment
from benchmarks.recorder import fill
from unslow.demo._embedded import free_port
from unslow.demo.postgres import postgres

QUERIES = (1, 10, 100)
NONE = "none"
AGAIN = "none again"
START_S = 60.0
SUITES = {
    "django": (
        ("-m", "gunicorn", "-w", "1", "-b", "127.0.0.1:{port}", "django_app:application"),
        (
            NONE,
            AGAIN,
            "unslow light",
            "unslow full",
            "DEBUG = True",
            "django-debug-toolbar",
            "django-silk",
            "OpenTelemetry",
            "unslow telemetry",
            "sentry-sdk",
            "unslow metrics",
            "django-prometheus",
        ),
    ),
    "fastapi": (
        ("-m", "uvicorn", "--port", "{port}", "--no-access-log", "fastapi_app:app"),
        (NONE, AGAIN, "unslow light", "unslow metrics", "prometheus-fastapi-instrumentator"),
    ),
}

# By the number of queries, for each round: CPU seconds per request of each tool.
Seen = dict[int, list[dict[str, float]]]


@dataclass(frozen=True)
class Server:
    """A server under one tool."""

    port: int
    process: "subprocess.Popen[bytes]"

    def ask(self, count: int, requests: int) -> float:
        """CPU seconds per request."""
        worker = self.worker()
        before = cpu(worker)
        for _ in range(requests):
            self.get(count)
        return (cpu(worker) - before) / requests

    def get(self, count: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", f"/{count}/")
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status == 200, body[-2000:]

    def worker(self) -> int:
        """The process that answers: gunicorn's only child, or uvicorn itself."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else pid


def cpu(pid: int) -> float:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def main() -> None:
    """Run the suites."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead")
    parser.add_argument("--launches", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--only", choices=SUITES)
    options = parser.parse_args()
    print(shlex.join(["$ python -m benchmarks.overhead", *sys.argv[1:]]).replace("'", ""))
    python = _environment.python()
    with postgres() as server:
        for number, name in enumerate([options.only] if options.only else SUITES):
            dsn = server.create(f"overhead{number}")
            fill(dsn)
            seen: Seen = {count: [] for count in QUERIES}
            for _ in range(options.launches):
                measure(name, python, dsn, options.rounds, options.requests, seen)
            show(name, seen)


def measure(name: str, python: Path, dsn: str, rounds: int, requests: int, seen: Seen) -> None:
    """Start every server once, and add the rounds of this launch."""
    command, tools = SUITES[name]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="unslow-")))
        servers = {
            tool: stack.enter_context(serving(tool, python, command, dsn, folder)) for tool in tools
        }
        for count in QUERIES:
            seen[count] += ask(servers, count, rounds, requests)


def show(name: str, seen: Seen) -> None:
    rounds = len(seen[QUERIES[0]])
    print(f"\n{name}, {rounds} rounds, CPU time per request of `{NONE}`: ", end="")
    base = {count: statistics.median(one[NONE] for one in seen[count]) for count in QUERIES}
    print(", ".join(f"{base[count] * 1000:.2f} ms at {count}" for count in QUERIES))
    print(f"{'':34}" + "".join(f"{f'queries: {count}':>22}" for count in QUERIES))
    for tool in SUITES[name][1][1:]:
        columns = (spread([one[tool] / one[NONE] for one in seen[count]]) for count in QUERIES)
        print(f"{tool:34}" + "".join(f"{column:>22}" for column in columns), flush=True)


def ask(
    servers: dict[str, Server], count: int, rounds: int, requests: int
) -> list[dict[str, float]]:
    """CPU seconds per request of each tool in each round."""
    for server in servers.values():
        for _ in range(5):
            server.get(count)
    number = max(requests // count, 1)
    return [
        {
            tool: servers[tool].ask(count, number)
            for tool in random.sample(list(servers), len(servers))
        }
        for _ in range(rounds)
    ]


def spread(ratios: list[float]) -> str:
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:.3f} ({low:.2f}-{high:.2f})"


@contextmanager
def serving(
    tool: str, python: Path, command: tuple[str, ...], dsn: str, folder: Path
) -> Iterator[Server]:
    port = free_port()
    here = Path(__file__).parent
    paths = [str(here), str(_environment.ROOT / "src")]
    with (folder / f"{tool}.log").open("wb") as log:
        process = subprocess.Popen(
            [python, *(part.format(port=port) for part in command)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TOOL": tool, "DSN": dsn},
            stdout=log,
            stderr=log,
        )
    server = Server(port, process)
    try:
        wait(server, folder / f"{tool}.log")
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait(server: Server, log: Path) -> None:
    pause = threading.Event()
    for _ in range(int(START_S / 0.1)):
        if server.process.poll() is not None:
            break
        try:
            server.get(1)
        except OSError:
            pause.wait(0.1)
        else:
            return
    sys.exit(f"no answer: {log.read_text()[-3000:]}")


if __name__ == "__main__":
    main()
