"""How often identical code is called faster, and a known delay is found: A/A launches, resampled.

    python -m benchmarks.aa --sets 40 --save /tmp/aa.json
    python -m benchmarks.aa --load /tmp/aa.json --trials 3000

What `unslow selftest` does, without its time budget, on the small application of the tests.
"""

import argparse
import math
import time
from pathlib import Path

import msgspec

from tests.prove import library
from unslow.demo.postgres import postgres
from unslow.lab.report import _selftest as say
from unslow.lab.selftest import DELAYS, Recorded, judged, record
from unslow.lab.target import Lab
from unslow.lab.workload import Workload
from unslow.model import Selftest
from unslow.progress import Silent


def unlimited() -> float:
    return math.inf


class Counting(Silent):
    """Tells how many launch sets there are."""

    def step(self, detail: str, advance: int = 1, seconds_left: float | None = None) -> None:
        if advance:
            print(f"\r{detail:<30}", end="", flush=True)


def measure(sets: int) -> Recorded:
    """Launch sets of identical arms and of arms with every known delay."""
    reads = Workload(tuple(call for call in library.workload().calls if not call.writes))
    with postgres() as server, Lab(library.target(server, "aa"), Silent()) as lab:
        return record(
            lab, reads, DELAYS, seconds_left=unlimited, most_sets=sets, progress=Counting()
        )


def show(found: Selftest) -> None:
    for row in (say.HEADS, *say.cells(found)):
        print("".join(f"{cell:<17}" for cell in row))
    print()
    for line in (*map(say.seen, found.quality), say.waiting(found), *found.notes):
        print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=20)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--load", type=Path)
    chosen = parser.parse_args()
    started = time.monotonic()
    if chosen.load:
        recorded = msgspec.json.decode(chosen.load.read_bytes(), type=Recorded)
    else:
        recorded = measure(chosen.sets)
        print()
    if chosen.save:
        chosen.save.write_bytes(msgspec.json.encode(recorded))
    show(judged(recorded, 0, unlimited, false_trials=chosen.trials, power_trials=chosen.trials))
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
