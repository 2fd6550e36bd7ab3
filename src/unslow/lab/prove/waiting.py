"""Claims about waiting: latency at a fixed arrival rate, both versions in short turns."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import median

from unslow.lab.load.check import ceiling, checked, quantile
from unslow.lab.load.generator import Generator, Sent
from unslow.lab.load.schedule import schedule
from unslow.lab.prove._shown import Claims, agrees, finite, settled
from unslow.lab.prove._under_load import (
    MOST_PAIRS,
    REPLICATION_PAIRS,
    Bench,
    Overrun,
    reads,
)
from unslow.lab.prove.evidence import e_value
from unslow.lab.prove.judge import Judgement, speedup
from unslow.lab.prove.outcome import NOT_REACHED
from unslow.lab.prove.schedule import Arm, ArmFailed, SignIn
from unslow.lab.target import Lab
from unslow.lab.workload import Call, Workload
from unslow.model import (
    Distribution,
    EndpointEffect,
    Interval,
    LatencyEffect,
    QuantileEffect,
    UnderLoad,
    Verdict,
)
from unslow.progress import Progress

JUDGED = (0.5, 0.95)
TAIL = 0.99  # shown, and decides nothing
TAIL_CONFIDENCE = 0.95  # more than a bootstrap over a few launches cannot give
FEWEST_FOR_TAIL = 3  # launch pairs
RESAMPLES = 200
RATE_SHARE = 0.6  # of what the version before can serve: queues form, and still empty
TURNS = 4  # of each version in a launch pair
LEAST_TURN_S, MOST_TURN_S = 0.5, 5.0
LEAST_PER_TURN = 20  # requests, where the time allows it
LEAST_MS = 1e-3
ALL = ""  # the name of all of the traffic

Latencies = dict[str, list[float]]  # endpoint -> milliseconds of each request
Place = tuple[str, float]  # endpoint, quantile


@dataclass(frozen=True)
class LatencyPair:
    """The latencies of both versions in one launch pair."""

    before: Mapping[str, Sequence[float]]
    after: Mapping[str, Sequence[float]]

    def log_ratio(self, place: Place) -> float | None:
        """log(after/before) of one quantile; None where too few requests were sent to tell it."""
        endpoint, q = place
        old, new = self.before.get(endpoint, ()), self.after.get(endpoint, ())
        if min(len(old), len(new)) < fewest_requests(q):
            return None
        return math.log(max(quantile(new, q), LEAST_MS) / max(quantile(old, q), LEAST_MS))


def fewest_requests(q: float) -> int:
    """Two beyond the quantile, and ten in all: below it is one request's luck."""
    return max(10, math.ceil(2 / (1 - q)))


@dataclass
class Waited:
    """The launch pairs so far. `endpoints` starts with all of the traffic."""

    endpoints: tuple[str, ...]
    max_slowdown: float
    pairs: list[LatencyPair] = field(default_factory=list)
    fresh: list[LatencyPair] = field(default_factory=list)

    def values(self, place: Place, pairs: Sequence[LatencyPair]) -> tuple[float, ...]:
        found = (pair.log_ratio(place) for pair in pairs)
        return tuple(value for value in found if value is not None)

    def claims(self, pairs: Sequence[LatencyPair]) -> Claims:
        places = {_name(end, q): (end, q) for end in self.endpoints for q in JUDGED}
        values = {name: self.values(place, pairs) for name, place in places.items()}
        main = tuple(_name(self.endpoints[0], q) for q in JUDGED)
        known = {name: found for name, found in values.items() if found}
        return Claims(known, tuple(name for name in main if name in known), self.max_slowdown)

    def replicated(self) -> bool | None:
        """Whether fresh launches on held-out requests agree with a gain; None if not all ran."""
        if len(self.fresh) < REPLICATION_PAIRS:
            return None
        claims, again = self.claims(self.pairs), self.claims(self.fresh)
        return any(
            agrees(claims.values[name], again.values[name])
            for name in claims.gains()
            if len(again.values.get(name, ())) == REPLICATION_PAIRS
        )


def prove_latency(
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
    rate: float | None = None,
) -> Verdict:
    """Whether `after` answers sooner than `before` at `rate` requests per second.

    Without `rate` it is `RATE_SHARE` of what `before` can serve. Only reads are sent. Gates are
    the caller's. Raises `UnslowError` when `before` fails.
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
        endpoints = bench.workload.endpoints
        waited = Waited((ALL, *endpoints) if len(endpoints) > 1 else endpoints, max_slowdown)
        try:
            rate, share = _rate(bench, rate)
            judgement = _run(bench, waited, rate)
        except Overrun as error:
            if error.arm != after.name:
                raise
            reason = f"it does not keep up with {rate:g} requests/s: {error}"
            return Verdict("slower", reason, launches=len(waited.pairs), metric="wall")
        except ArmFailed as error:
            return Verdict("failed", str(error), launches=len(waited.pairs), metric="wall")
    check = checked(bench.ceiling, bench.loads, rate)
    return _verdict(bench, waited, judgement, UnderLoad("latency", check, rate, share), seed)


def _rate(bench: Bench, wanted: float | None) -> tuple[float, float]:
    """The arrival rate, and its share of what the version before can serve (0: not measured)."""
    if wanted is not None:
        return wanted, 0.0
    bench.progress.stage("measure what the version before can serve")
    with bench.pair() as pair:
        _, most = bench.saturation(pair[bench.before.name])
    bench.forget()
    return round(max(RATE_SHARE * most, 0.1), 2), RATE_SHARE


def _run(bench: Bench, waited: Waited, rate: float) -> Judgement:
    bench.progress.stage(f"measure latency at {rate:g} requests/s", None)
    turn_s = LEAST_TURN_S
    judgement = Judgement(None, NOT_REACHED)
    while len(waited.pairs) < MOST_PAIRS and bench.fits(2 * TURNS * turn_s):
        turn_s = _turn_s(bench.seconds_per_pair(len(waited.pairs)), rate)
        waited.pairs.append(_pair(bench, rate, turn_s))
        judgement = waited.claims(waited.pairs).judge()
        if judgement.kind is not None:
            break
    if judgement.kind == "proven":
        bench.progress.stage("replicate on held-out requests", REPLICATION_PAIRS)
        while len(waited.fresh) < REPLICATION_PAIRS:
            waited.fresh.append(_pair(bench, rate, turn_s, held_out=True))
    return judgement


def _turn_s(pair_s: float, rate: float) -> float:
    """As long as the time allows, and longer for a server too slow for a few requests per turn."""
    least = min(max(LEAST_TURN_S, LEAST_PER_TURN / rate), MOST_TURN_S)
    return min(max(pair_s / (2 * TURNS), least), MOST_TURN_S)


def _pair(bench: Bench, rate: float, turn_s: float, held_out: bool = False) -> LatencyPair:
    found: dict[str, Latencies] = {bench.before.name: {}, bench.after.name: {}}
    with bench.pair() as pair:
        for turn in range(TURNS):
            bench.progress.step(f"turn {turn + 1} of {TURNS}", 0, bench.seconds_left())
            seed = bench.random.random()  # the same arrivals for both
            for one in bench.shuffled(pair):
                calls = one.asked(held_out)
                sent = bench.send(one, schedule(calls, rate, turn_s, Random(seed)))
                _book(found[one.arm], calls, sent)
    return LatencyPair(found[bench.before.name], found[bench.after.name])


def _book(latencies: Latencies, calls: Sequence[Call], sent: Sent) -> None:
    for pick, latency in zip(sent.picks, sent.latencies_ms, strict=True):
        latencies.setdefault(ALL, []).append(latency)
        latencies.setdefault(calls[pick].endpoint, []).append(latency)


def _verdict(
    bench: Bench, waited: Waited, judgement: Judgement, load: UnderLoad, seed: int
) -> Verdict:
    claims = waited.claims(waited.pairs)
    main = waited.endpoints[0]
    lead = _lead(claims, main)
    return Verdict(
        *settled(judgement, claims, waited.replicated(), load.generator),
        speedup=speedup(waited.values((main, lead), waited.pairs)),
        evidence=finite(e_value(waited.values((main, lead), waited.pairs))),
        launches=len(waited.pairs),
        requests=sum(len(sent.picks) for sent in bench.loads if isinstance(sent, Sent)),
        effects=tuple(
            _effect(waited, claims, end, believed=not load.generator.bottleneck)
            for end in waited.endpoints
            if end != ALL
        ),
        smallest_detectable=claims.smallest_detectable(),
        replicated=waited.replicated(),
        metric="wall",
        load=UnderLoad(
            load.kind,
            load.generator,
            load.rate,
            load.share,
            tuple(_latency(waited, end, seed) for end in waited.endpoints),
        ),
    )


def _lead(claims: Claims, endpoint: str) -> float:
    """The quantile that the headline is about: the one with the most evidence."""
    names = {_name(endpoint, q): q for q in JUDGED}
    known = [name for name in names if name in claims.values]
    return names[max(known, key=lambda name: e_value(claims.values[name]))] if known else 0.5


def _latency(waited: Waited, endpoint: str, seed: int) -> LatencyEffect:
    requests = sum(len(one.before.get(endpoint, ())) for one in waited.pairs)
    requests += sum(len(one.after.get(endpoint, ())) for one in waited.pairs)
    found = [_quantile(waited, (endpoint, q)) for q in JUDGED]
    found.append(tail(waited.pairs, endpoint, seed))
    return LatencyEffect(endpoint, requests, tuple(one for one in found if one))


def _quantile(waited: Waited, place: Place) -> QuantileEffect | None:
    endpoint, q = place
    values = waited.values(place, waited.pairs)
    if not values:
        return None
    return QuantileEffect(
        q,
        _typical([one.before.get(endpoint, ()) for one in waited.pairs], q),
        _typical([one.after.get(endpoint, ()) for one in waited.pairs], q),
        speedup(values),
        finite(e_value(values)),
    )


def _typical(launches: Sequence[Sequence[float]], q: float) -> float:
    found = [quantile(one, q) for one in launches if one]
    return round(median(found), 3) if found else 0.0


def tail(pairs: Sequence[LatencyPair], endpoint: str, seed: int) -> QuantileEffect | None:
    """p99 over all launches together, with a bootstrap interval over launch pairs.

    One launch has too few requests for it. None where all of them have.
    """

    def pooled(chosen: Sequence[LatencyPair]) -> tuple[float, float]:
        old = [value for one in chosen for value in one.before.get(endpoint, ())]
        new = [value for one in chosen for value in one.after.get(endpoint, ())]
        return max(quantile(old, TAIL), LEAST_MS), max(quantile(new, TAIL), LEAST_MS)

    sides = ("before", "after")
    sizes = [sum(len(getattr(one, side).get(endpoint, ())) for one in pairs) for side in sides]
    if min(sizes) < fewest_requests(TAIL):
        return None
    before, after = pooled(pairs)
    spread = None
    if len(pairs) >= FEWEST_FOR_TAIL:
        random = Random(seed)
        draws = (pooled(random.choices(pairs, k=len(pairs))) for _ in range(RESAMPLES))
        ratios = [old / new for old, new in draws]
        low, high = (quantile(ratios, 0.5 + side * TAIL_CONFIDENCE / 2) for side in (-1, 1))
        spread = Interval(round(before / after, 4), round(low, 4), round(high, 4), TAIL_CONFIDENCE)
    return QuantileEffect(TAIL, round(before, 3), round(after, 3), spread)


def _effect(waited: Waited, claims: Claims, endpoint: str, *, believed: bool) -> EndpointEffect:
    """The endpoint by the quantile that tells most of it, with that quantile of each launch."""
    q = _lead(claims, endpoint)
    values = waited.values((endpoint, q), waited.pairs)
    launches = [
        (pair.before.get(endpoint, ()), pair.after.get(endpoint, ())) for pair in waited.pairs
    ]
    return EndpointEffect(
        endpoint,
        speedup(values),
        finite(e_value(values)),
        "target",
        samples=Distribution(
            tuple(round(quantile(old, q), 3) for old, _ in launches),
            tuple(round(quantile(new, q), 3) for _, new in launches),
        ),
        verdict=claims.kind_of([_name(endpoint, q) for q in JUDGED])
        if believed
        else "inconclusive",
    )


def _name(endpoint: str, q: float) -> str:
    return f"p{q * 100:.0f} of {endpoint}" if endpoint else f"p{q * 100:.0f}"
