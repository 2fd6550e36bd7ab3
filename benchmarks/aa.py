"""How often identical code is called faster: A/A launch pairs, resampled into whole trials.

    python -m benchmarks.aa --pairs 40 --save /tmp/aa.json
    python -m benchmarks.aa --load /tmp/aa.json --trials 3000

Pairs are measured as `prove` measures them, on the small application of the tests. A trial draws
launch pairs of one endpoint with replacement, each with a random sign (both arms are the same
code), and looks after every pair. The same trials with a known change give the power.
"""

import argparse
import json
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import stdev

from tests.prove import library
from unslow.demo.postgres import postgres
from unslow.lab.prove import gate
from unslow.lab.prove._ratios import log_ratios
from unslow.lab.prove.judge import Measured, judge
from unslow.lab.prove.schedule import AGAIN, BEFORE, Arm, LaunchSet, Slice
from unslow.lab.prove.session import Session
from unslow.lab.prove.trial import MOST_SETS, TARGET_SLICE_S, Wanted
from unslow.lab.target import Lab
from unslow.progress import Silent

Pairs = dict[str, list[float]]
GATE_S = 15.0
CHANGES = (0.05, 0.1, 0.2, 0.5)


def measure(pairs: int) -> Pairs:
    """Log ratios of A against A' per endpoint, `pairs` launch pairs each."""
    workload = library.workload()
    with postgres() as server, Lab(library.target(server, "aa"), Silent()) as lab:
        base = gate.baseline(lab, workload, (), budget_s=GATE_S, sign_in=None, progress=Silent())
        arms = {name: Arm(name, lab.tree()) for name in (BEFORE, AGAIN)}
        session = Session(
            lab,
            workload,
            arms,
            {BEFORE: dict(base.cost_s)},
            base.once,
            random.Random(),
            Silent(),
            lambda: math.inf,
        )
        both = (BEFORE, AGAIN)
        each = Slice(TARGET_SLICE_S, both)
        wanted = Wanted(both, dict.fromkeys(workload.endpoints, each))
        sets: list[LaunchSet] = []
        for number in range(pairs):
            sets.append(session(wanted))
            print(f"\r{number + 1}/{pairs} pairs, {sets[-1].waiting_share:.0%} waiting", end="")
        print()
    return {
        end: list(log_ratios(sets, BEFORE, AGAIN, {end: 1.0}, "cpu")) for end in workload.endpoints
    }


@dataclass(frozen=True)
class Rate:
    """How many of the trials ended in "proven"."""

    proven: int
    trials: int
    pairs: float

    def __str__(self) -> str:
        return f"{self.proven / self.trials:7.2%}  ({self.pairs:.1f} pairs on average)"


def rate(pairs: Sequence[float], change: float, trials: int, draw: random.Random) -> Rate:
    """The share of trials that prove a gain when the true one is `change` (0: none)."""
    shift, proven, used = math.log1p(-change), 0, 0
    for _ in range(trials):
        values: list[float] = []
        kind = None
        while kind is None and len(values) < MOST_SETS:
            values.append(shift + draw.choice(pairs) * draw.choice((-1, 1)))
            kind = judge(Measured(tuple(values), {"": tuple(values)}, {}), stands=True).kind
        proven += kind == "proven"
        used += len(values)
    return Rate(proven, trials, used / trials)


def report(pairs: Pairs, trials: int, show: Callable[[str], None] = print) -> None:
    draw = random.Random(1)
    for endpoint, values in pairs.items():
        show(f"{endpoint}: {len(values)} pairs, noise {stdev(values):.2%} per pair")
        show(f"    identical code called faster  {rate(values, 0.0, trials, draw)}")
        for change in CHANGES:
            found = rate(values, change, trials, draw)
            show(f"    {change:4.0%} less CPU proven          {found}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--load", type=Path)
    chosen = parser.parse_args()
    started = time.monotonic()
    pairs = json.loads(chosen.load.read_text()) if chosen.load else measure(chosen.pairs)
    if chosen.save:
        chosen.save.write_text(json.dumps(pairs))
    report(pairs, chosen.trials)
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
