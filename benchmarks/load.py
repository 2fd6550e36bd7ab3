"""Planted changes of waiting and capacity on a real server, each against its expected verdict.

    python -m benchmarks.load                 # about 25 minutes, on a quiet machine
    python -m benchmarks.load --budget 90 --only lock

Also prints what the load generator itself can do here.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from unslow.lab.load.check import ceiling, echo, quantile
from unslow.lab.load.generator import Generator
from unslow.lab.load.schedule import schedule
from unslow.lab.prove.loaded import LoadMeasure, judge_loaded
from unslow.lab.prove.schedule import Arm
from unslow.lab.prove.session import deadline
from unslow.lab.target import Lab, Target
from unslow.lab.workload import Call, Workload
from unslow.model import Patch, TextEdit, Verdict
from unslow.progress import Silent

APP = """
import asyncio
import time

LOCK = asyncio.Lock()
TWO, EIGHT = asyncio.Semaphore(2), asyncio.Semaphore(8)


def burn(count):
    return sum(range(count))


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["path"] == "/changed":
        pass  # here
    else:
        await asyncio.sleep(0.005)
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})
"""
HERE = "pass  # here"
SLEEP = "await asyncio.sleep(0.02)"
LOCKED = "async with LOCK: await asyncio.sleep(0.02)"
BLOCKING = "time.sleep(0.02)"
THREAD = "await asyncio.to_thread(time.sleep, 0.02)"
POOL_OF_TWO = "async with TWO: await asyncio.sleep(0.02)"
POOL_OF_EIGHT = "async with EIGHT: await asyncio.sleep(0.02)"
WORKLOAD = Workload((Call("GET", "/changed", "GET /changed"), Call("GET", "/other", "GET /other")))


@dataclass(frozen=True)
class Planted:
    """A change of one line. Several verdicts are right where "no gain" needs long to be sure."""

    name: str
    before: str
    after: str
    latency: tuple[str, ...]
    throughput: tuple[str, ...]


EQUAL = ("no-gain", "inconclusive")
FASTER, SLOWER = ("proven",), ("slower",)
PLANTED = (
    Planted("equal: the same wait", SLEEP, SLEEP + "  ", EQUAL, EQUAL),
    Planted("equal: the same lock", LOCKED, LOCKED + "  ", EQUAL, EQUAL),
    Planted("lock removed", LOCKED, SLEEP, FASTER, FASTER),
    Planted("lock added", SLEEP, LOCKED, SLOWER, SLOWER),
    Planted("blocking call to a thread", BLOCKING, THREAD, FASTER, FASTER),
    Planted("blocking call added", SLEEP, BLOCKING, SLOWER, SLOWER),
    Planted("pool of two to eight", POOL_OF_TWO, POOL_OF_EIGHT, FASTER, FASTER),
)


@contextlib.contextmanager
def lab_with(folder: Path) -> Iterator[Lab]:
    (folder / "app.py").write_text(APP)
    target = Target(folder, ("uvicorn", "app:app"), Path(sys.executable), "asgi")
    with Lab(target, Silent()) as lab:
        yield lab


def arm(lab: Lab, name: str, line: str) -> Arm:
    start = APP.index(HERE)
    edit = TextEdit("app.py", start, start + len(HERE), line)
    return Arm(name, lab.tree([Patch("planted", line, "review", edits=(edit,))]))


def judged(lab: Lab, one: Planted, measure: LoadMeasure, budget_s: float, seed: int) -> Verdict:
    return judge_loaded(
        lab,
        WORKLOAD,
        (arm(lab, "A", one.before), arm(lab, "B", one.after)),
        ({}, {}),
        measure,
        seconds_left=deadline(budget_s),
        max_slowdown=0.05,
        progress=Silent(),
        seed=seed,
    )


def generator_alone() -> None:
    """What it reaches, and how late and how long a request is at moderate rates."""
    call = Call("GET", "/", "GET /")
    with Generator() as generator, echo() as url:
        found = ceiling(generator)
        print(f"ceiling {found.rate:.0f}/s; {found.known:.0f}/s measured as {found.measured:.1f}")
        for rate in (100, 1000, 4000):
            sent = generator.open_loop(url, schedule([call], rate, 3.0, Random(1)))
            late, long = (quantile(v, 0.95) for v in (sent.lags_ms, sent.latencies_ms))
            print(f"{rate}/s: p95 {late:.2f} ms late, {long:.2f} ms long; {sent.cpu_share:.0%} CPU")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--budget", type=float, default=120.0, help="seconds per verdict")
    parser.add_argument("--only", default="", help="a part of the name")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    generator_alone()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, lab_with(Path(folder)) as lab:
        for one in PLANTED:
            if options.only not in one.name:
                continue
            cases: dict[LoadMeasure, tuple[str, ...]] = {
                "latency": one.latency,
                "throughput": one.throughput,
            }
            for measure, expected in cases.items():
                started = time.monotonic()
                found = judged(lab, one, measure, options.budget, options.seed)
                right = found.verdict in expected
                wrong += not right
                ratio = f"×{found.speedup.estimate:.2f}" if found.speedup else ""
                print(
                    f"{'ok   ' if right else 'WRONG'} {one.name:<28} {measure:<10} "
                    f"{found.verdict:<12} {ratio:<7} {found.launches:>2} pairs "
                    f"{time.monotonic() - started:>4.0f} s  {found.reason}",
                    flush=True,
                )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
