"""Measures what the light level costs a request of ten queries on a real PostgreSQL.

    python -m benchmarks.overhead.paired [--rounds 40] [--requests 100] [--only NAME] [--count]

Processes with the middleware and without it answer the same requests, without a server, by turns,
so that a busy machine slows all alike; a second one without it shows what is noise. Printed is the
median over the rounds of the CPU time, and where the middle half lies. `--count` counts the
processor's instructions instead (valgrind), which no other load can change.
"""

import argparse
import asyncio
import importlib
import io
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

QUERIES = 10
WARM = 30
HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
APPS = {"django": "django_app", "fastapi": "sqlalchemy_app"}
TOOLS = ("none", "none again", "unslow light")
COUNTED = (20, 60)  # requests of the two runs whose difference is counted


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead.paired")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--only", choices=APPS)
    parser.add_argument("--count", action="store_true")
    parser.add_argument("--serve", choices=APPS, help=argparse.SUPPRESS)
    parser.add_argument("--slowed", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, slowed=options.slowed)
        return
    from benchmarks.recorder import fill
    from unslow.demo.postgres import postgres

    with postgres() as server:
        for name in [options.only] if options.only else APPS:
            dsn = server.create(name)
            fill(dsn)
            if options.count:
                count(name, dsn)
            else:
                measure(name, dsn, options.rounds, options.requests)


def measure(name: str, dsn: str, rounds: int, requests: int) -> None:
    with ExitStack() as stack:
        asked = {tool: stack.enter_context(start(name, tool, dsn)) for tool in TOOLS}
        for process in asked.values():
            answer(process, WARM)
        seen = [
            {tool: answer(asked[tool], requests) for tool in random.sample(TOOLS, len(TOOLS))}
            for _ in range(rounds)
        ]
        for process in asked.values():
            process.stdin.close()  # type: ignore[union-attr]
    base = statistics.median(one["none"] for one in seen)
    print(
        f"{name}, {rounds} rounds of {requests} requests of {QUERIES} queries: {base:.0f} us each"
    )
    for tool in TOOLS[1:]:
        low, middle, high = statistics.quantiles((one[tool] - one["none"] for one in seen), n=4)
        print(f"  {tool:14}{middle:+7.1f} us ({low:+.0f} to {high:+.0f}), {middle / base:+.2%}")
    sys.stdout.flush()


def start(name: str, tool: str, dsn: str, before: Sequence[str] = ()) -> "subprocess.Popen[str]":
    slowed = ["--slowed"] if before else []
    return subprocess.Popen(
        [*before, sys.executable, str(HERE), "--serve", name, *slowed],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(ROOT), str(ROOT / "src")]),
            "PYTHONHASHSEED": "0",
            "TOOL": tool.removesuffix(" again"),
            "DSN": dsn,
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def answer(process: "subprocess.Popen[str]", requests: int) -> float:
    """Microseconds of CPU per request."""
    assert process.stdin is not None
    assert process.stdout is not None
    print(requests, file=process.stdin, flush=True)
    return float(process.stdout.readline())


def count(name: str, dsn: str) -> None:
    """Instructions per request: of a long run less those of a short one."""
    by_tool = {}
    for tool in TOOLS[::2]:
        few, many = (instructions(name, tool, dsn, requests) for requests in COUNTED)
        by_tool[tool] = (many - few) / (COUNTED[1] - COUNTED[0])
    none, light = by_tool.values()
    print(
        f"{name}, {QUERIES} queries: {none:.0f} instructions a request, light {light - none:+.0f}, "
        f"{light / none - 1:+.2%}",
        flush=True,
    )


def instructions(name: str, tool: str, dsn: str, requests: int) -> int:
    with tempfile.TemporaryDirectory(prefix="unslow-") as folder:
        log = Path(folder) / "log"
        valgrind = [
            *("valgrind", "--tool=cachegrind", "--cache-sim=no"),
            *("--cachegrind-out-file=/dev/null", f"--log-file={log}"),
        ]
        process = start(name, tool, dsn, valgrind)
        with process:
            answer(process, requests)
            process.stdin.close()  # type: ignore[union-attr]
        found = re.search(r"I\s+refs:\s+([\d,]+)", log.read_text())
    assert found is not None
    return int(found[1].replace(",", ""))


def serve(name: str, *, slowed: bool) -> None:
    """Answer as many requests as each line of the input says."""
    module = importlib.import_module(APPS[name])
    run = wsgi(module.application) if name == "django" else asgi(module.app)
    if slowed:
        lift_limits()
        run(1)  # it makes Starlette's middleware, which sets its own limit
        lift_limits()
    for line in sys.stdin:
        requests = int(line)
        started = time.process_time_ns()
        run(requests)
        print((time.process_time_ns() - started) / requests / 1000, flush=True)


def lift_limits() -> None:
    """Fifty times slower than usual, no statement is slow and no request."""
    from unslow.kit import _settings, slow_log
    from unslow.observe import _record

    _record.SITE_S = _record.LATE_S = 3600.0
    slow_log.start(_settings.read({"slow_ms": 3_600_000}))


def wsgi(app: Any) -> Callable[[int], None]:
    def once() -> None:
        environ = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": f"/{QUERIES}/",
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
        }
        body = app(environ, lambda status, headers, *rest: None)
        b"".join(body)
        body.close()

    def run(requests: int) -> None:
        for _ in range(requests):
            once()

    return run


def asgi(app: Any) -> Callable[[int], None]:
    loop = asyncio.new_event_loop()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        pass

    async def many(requests: int) -> None:
        for _ in range(requests):
            scope = {
                "type": "http",
                "asgi": {"version": "3.0"},
                "http_version": "1.1",
                "method": "GET",
                "scheme": "http",
                "path": f"/{QUERIES}/",
                "raw_path": f"/{QUERIES}/".encode(),
                "root_path": "",
                "query_string": b"",
                "headers": [(b"host", b"localhost")],
                "client": ("127.0.0.1", 1),
                "server": ("127.0.0.1", 80),
            }
            # A server answers each request in a task of its own.
            await loop.create_task(app(scope, receive, send))

    return lambda requests: loop.run_until_complete(many(requests))


if __name__ == "__main__":
    main()
