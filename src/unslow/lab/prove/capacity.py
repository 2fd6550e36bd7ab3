"""Claims about capacity: throughput at five concurrency levels, and the law behind it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from unslow.lab.load.check import ceiling, checked, quantile
from unslow.lab.load.generator import Generator, Throughput
from unslow.lab.load.scalability import CONFIDENCE, Law, fit, mean_rates, resampled
from unslow.lab.prove._shown import Claims, agrees, finite, settled
from unslow.lab.prove._under_load import (
    MOST_LINES,
    MOST_PAIRS,
    REPLICATION_PAIRS,
    Bench,
    reads,
)
from unslow.lab.prove.evidence import e_value
from unslow.lab.prove.judge import Judgement, speedup
from unslow.lab.prove.outcome import NOT_REACHED
from unslow.lab.prove.schedule import Arm, ArmFailed, SignIn
from unslow.lab.target import Lab
from unslow.lab.workload import Workload
from unslow.model import Capacity, CapacityCurve, CapacityPoint, Estimate, UnderLoad, Verdict
from unslow.progress import Progress

LEVELS = 5
LEAST_TOP = 16  # of the levels, so that a law can be fitted to any server
LEAST_LEVEL_S, MOST_LEVEL_S = 0.5, 5.0
LEAST_RATE = 1e-3
CLAIM = "the time per request at full throughput"

Rates = Mapping[int, float]  # concurrency -> requests per second


@dataclass
class Driven:
    """The launch pairs so far: the throughput of both versions at each level."""

    max_slowdown: float
    before: list[Rates] = field(default_factory=list)
    after: list[Rates] = field(default_factory=list)
    fresh: list[float] = field(default_factory=list)

    def values(self) -> tuple[float, ...]:
        return tuple(map(log_ratio, self.before, self.after))

    def claims(self) -> Claims:
        values = {CLAIM: self.values()} if self.before else {}
        return Claims(values, tuple(values), self.max_slowdown)

    def replicated(self) -> bool | None:
        """Whether fresh launches agree with a gain; None if not all ran."""
        if len(self.fresh) < REPLICATION_PAIRS:
            return None
        return agrees(self.values(), self.fresh)


def log_ratio(before: Rates, after: Rates) -> float:
    """The cost of a request at the highest throughput reached, after/before: a gain is negative."""
    most = (max(one.values(), default=0.0) for one in (before, after))
    old, new = (max(rate, LEAST_RATE) for rate in most)
    return math.log(old / new)


def levels(saturation: int) -> tuple[int, ...]:
    """Five concurrency levels from one to past the saturation, evenly apart by ratio."""
    top = min(max(2 * saturation, LEAST_TOP), 2 * MOST_LINES)
    found = sorted({round(top ** (step / (LEVELS - 1))) for step in range(LEVELS)})
    assert len(found) == LEVELS
    return tuple(found)


def prove_capacity(
    lab: Lab,
    workload: Workload,
    before: Arm,
    after: Arm,
    *,
    seconds_left: Callable[[], float],
    progress: Progress,
    max_slowdown: float,
    seed: int = 0,
    sign_in: SignIn | None = None,
) -> Verdict:
    """Whether `after` serves more requests per second than `before`.

    Only reads are sent. Gates are the caller's. Raises `UnslowError` when `before` fails.
    """
    with Generator() as generator:
        progress.stage("check the load generator")
        bench = Bench(
            lab,
            reads(workload),
            before,
            after,
            generator,
            ceiling(generator),
            Random(seed),
            progress,
            seconds_left,
            sign_in,
        )
        driven = Driven(max_slowdown)
        try:
            judgement = _run(bench, driven)
        except ArmFailed as error:
            return Verdict("failed", str(error), launches=len(driven.before), metric="wall")
    return _verdict(bench, driven, judgement, seed)


def _run(bench: Bench, driven: Driven) -> Judgement:
    bench.progress.stage("find where throughput ends")
    with bench.pair() as pair:
        chosen = levels(max(bench.saturation(one)[0] for one in pair.values()))
    bench.forget()
    bench.progress.stage(f"measure throughput at {', '.join(map(str, chosen))} connections", None)
    level_s = LEAST_LEVEL_S
    judgement = Judgement(None, NOT_REACHED)
    while len(driven.before) < MOST_PAIRS and bench.fits(2 * LEVELS * level_s):
        wanted = bench.seconds_per_pair(len(driven.before)) / (2 * LEVELS)
        level_s = min(max(wanted, LEAST_LEVEL_S), MOST_LEVEL_S)
        old, new = _pair(bench, chosen, level_s)
        driven.before.append(old)
        driven.after.append(new)
        judgement = driven.claims().judge()
        if judgement.kind is not None:
            break
    if judgement.kind == "proven":
        bench.progress.stage("replicate on held-out requests", REPLICATION_PAIRS)
        while len(driven.fresh) < REPLICATION_PAIRS:
            driven.fresh.append(log_ratio(*_pair(bench, chosen, level_s, held_out=True)))
    return judgement


def _pair(
    bench: Bench, chosen: Sequence[int], level_s: float, held_out: bool = False
) -> tuple[Rates, Rates]:
    found: dict[str, dict[int, float]] = {bench.before.name: {}, bench.after.name: {}}
    with bench.pair() as pair:
        for level in bench.random.sample(list(chosen), len(chosen)):
            bench.progress.step(f"concurrency {level}", 0, bench.seconds_left())
            for one in bench.shuffled(pair):
                found[one.arm][level] = bench.drive(one, level, level_s, held_out).rate
    return found[bench.before.name], found[bench.after.name]


def _verdict(bench: Bench, driven: Driven, judgement: Judgement, seed: int) -> Verdict:
    claims, values = driven.claims(), driven.values()
    rates = [one.rate for one in bench.loads if isinstance(one, Throughput)]
    check = checked(bench.ceiling, bench.loads, max(rates, default=0.0))
    capacity = None
    if driven.before:
        capacity = Capacity(
            curve(driven.before, seed), curve(driven.after, seed), confidence=CONFIDENCE
        )
    kind, reason = settled(judgement, claims, driven.replicated(), check)
    return Verdict(
        kind,
        reason,
        speedup=speedup(values),
        evidence=finite(e_value(values)),
        launches=len(values),
        requests=sum(one.requests for one in bench.loads if isinstance(one, Throughput)),
        smallest_detectable=claims.smallest_detectable(),
        replicated=driven.replicated(),
        metric="wall",
        load=UnderLoad("throughput", check, capacity=capacity),
    )


def curve(launches: Sequence[Rates], seed: int) -> CapacityCurve:
    """The points of one version and the law fitted to their means, with intervals by bootstrap
    over the launches."""
    mean = mean_rates(launches)
    points = tuple(
        CapacityPoint(level, tuple(round(one[level], 2) for one in launches if level in one))
        for level in mean
    )
    law = fit(mean)
    if law is None:
        return CapacityCurve(points)
    draws = resampled(launches, seed)
    return CapacityCurve(
        points,
        _estimate(law, draws, lambda one: one.scale),
        _estimate(law, draws, lambda one: one.contention),
        _estimate(law, draws, lambda one: one.coherency),
        _estimate(law, draws, lambda one: one.peak),
        _estimate(law, draws, lambda one: one.peak_rate),
    )


def _estimate(
    law: Law, draws: Sequence[Law], part: Callable[[Law], float | None]
) -> Estimate | None:
    """A part of the law; an end of its interval is None where too many draws do not have it."""
    value = part(law)
    if value is None:
        return None
    tail = (1 - CONFIDENCE) / 2
    found = [math.inf if (one := part(draw)) is None else one for draw in draws]
    return Estimate(
        _rounded(value), _bound(found, tail) if found else None, _bound(found, 1 - tail)
    )


def _bound(values: Sequence[float], q: float) -> float | None:
    if not values:
        return None
    found = quantile(values, q)
    return _rounded(found) if math.isfinite(found) else None


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")
