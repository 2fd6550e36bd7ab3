"""A machine whose noise and delays are known exactly, for launch sets without launches."""

import math
from random import Random

from unslow.lab.prove.schedule import AGAIN, BEFORE, LaunchSet, Sample
from unslow.lab.selftest import DELAYS, Delay, Recorded

ENDPOINTS = ("GET a", "GET b", "GET c")
COST_MS = 8.0
WAIT_MS = 2.0  # of wall time beside the CPU


def launch_set(
    draw: Random,
    noise: float,
    delays: tuple[Delay, ...] = DELAYS,
    *,
    waiting: float = 0.0,
    cpu_seen: bool = True,
) -> LaunchSet:
    """All arms on all endpoints; each arm's launch is off by `noise`."""
    arms = {BEFORE: (1.0, 1.0), AGAIN: (1.0, 1.0)}
    for one in delays:
        arms[one.arm] = (1 + one.share, 1.0) if one.kind == "cpu" else (1.0, 1 + one.share)
    samples = {
        arm: {end: _sample(draw, noise, *factors, cpu_seen) for end in ENDPOINTS}
        for arm, factors in arms.items()
    }
    return LaunchSet(
        samples, waiting_share=waiting, launch_s=len(arms) * 0.5, seconds=len(arms) * 2.0
    )


def recorded(
    noise: float, sets: int = 15, delays: tuple[Delay, ...] = DELAYS, **options
) -> Recorded:
    draw = Random(7)
    first = launch_set(draw, noise, (), **options)
    others = [launch_set(draw, noise, delays, **options) for _ in range(sets - 1)]
    return Recorded((first, *others), delays, ENDPOINTS)


def _sample(draw: Random, noise: float, cpu: float, wait: float, cpu_seen: bool) -> Sample:
    own = COST_MS * math.exp(draw.gauss(0, noise))
    burnt = [own * cpu] * 4 if cpu_seen else [0.0] * 4
    wall = [(own * cpu + WAIT_MS) * wait] * 4
    return Sample([burnt] * 5, [wall] * 5)
