"""Records launch sets of identical arms and of arms with a known delay, as a proof would."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean, harmonic_mean

from unslow.errors import UnslowError
from unslow.lab.prove._ratios import Metric, mean_ms, unseen
from unslow.lab.prove.schedule import AGAIN, BEFORE, SLOW_S, Arm, LaunchSet, SignIn, Slice
from unslow.lab.prove.session import Session
from unslow.lab.prove.trial import MOST_SETS, TARGET_SLICE_S, Wanted
from unslow.lab.selftest.delay import Cost, Delay, priced
from unslow.lab.target import Lab
from unslow.lab.workload import Workload
from unslow.model import DelayKind
from unslow.progress import Progress

ENDPOINTS = 3
SLICE_S = TARGET_SLICE_S / 3  # per arm and endpoint; a proof has a half, but fewer arms
ENOUGH_SETS = 12  # a resampled trial has as many different launches as are usually needed
FEWEST_SETS = 6
FEWEST_DELAYS = 2  # one of each kind
MARGIN = 1.15  # how much longer than the last one a launch set may take


@dataclass(frozen=True)
class Recorded:
    """The launch sets. The first one has no delays: it tells what they are a share of."""

    sets: tuple[LaunchSet, ...]
    delays: tuple[Delay, ...]
    endpoints: tuple[str, ...]

    @property
    def unseen(self) -> str:
        """Why CPU is not all that a request costs here; "" where it is."""
        return unseen(self.sets)

    @property
    def waiting_share(self) -> float:
        return fmean(one.waiting_share for one in self.sets)

    def metric(self, kind: DelayKind) -> Metric:
        """What a delay of this kind is judged by."""
        return "cpu" if kind == "cpu" and not self.unseen else "wall"


def record(
    lab: Lab,
    workload: Workload,
    delays: Sequence[Delay],
    *,
    seconds_left: Callable[[], float],
    most_sets: int = MOST_SETS,
    seed: int = 0,
    sign_in: SignIn | None = None,
    progress: Progress,
) -> Recorded:
    """Launch until the time ends or `most_sets` is reached; of `delays` as many as the time allows.

    Raises `UnslowError` when the time does not suffice for the fewest sets.
    """
    tree = lab.tree()
    identical = {name: Arm(name, tree) for name in (BEFORE, AGAIN)}
    session = Session(
        lab, workload, identical, {}, frozenset(), Random(seed), progress, seconds_left, sign_in
    )
    endpoints = _chosen(_survey(session, workload))
    first = session(_wanted(tuple(identical), endpoints))
    chosen = affordable(delays, first, seconds_left())
    arms = {one.arm: Arm(one.arm, tree, env=one.env) for one in chosen}
    session.arms = {**identical, **arms}
    sets = [first]
    while len(sets) < most_sets and (len(sets) == 1 or seconds_left() > sets[-1].seconds * MARGIN):
        costs = {end: _cost(sets, end) for end in endpoints}
        session.workload = Workload(priced(workload.calls, costs))
        session.costs[BEFORE] = {end: cost.wall_ms / 1e3 for end, cost in costs.items()}
        sets.append(session(_wanted(tuple(session.arms), endpoints)))
    if len(sets) < min(FEWEST_SETS, most_sets):
        raise UnslowError(
            f"only {len(sets)} launch sets fitted the time, {FEWEST_SETS} are needed; a set takes "
            f"{sets[-1].seconds:.0f} s here: allow more with --time-budget"
        )
    return Recorded(tuple(sets), chosen, endpoints)


def affordable(delays: Sequence[Delay], first: LaunchSet, seconds: float) -> tuple[Delay, ...]:
    """The first of `delays` that leave time for enough launch sets, judging by A/A's; at least
    one of each kind."""
    per_arm = first.seconds / len(first.samples)
    arms = int(min(seconds / MARGIN / ENOUGH_SETS / per_arm, 99))
    return tuple(delays[: max(FEWEST_DELAYS, arms - len(first.samples))])


def _survey(session: Session, workload: Workload) -> dict[str, float]:
    """Seconds of one call of each endpoint, after one that warmed it up."""
    once = Slice(0.0, (BEFORE,))
    found = session(Wanted((BEFORE,), dict.fromkeys(workload.endpoints, once)))
    return {end: mean_ms(one, "wall") / 1e3 for end, one in found.samples[BEFORE].items()}


def _chosen(costs_s: Mapping[str, float]) -> tuple[str, ...]:
    """Endpoints spread over the cheaper half, which many requests of can be sent."""
    ordered = sorted((end for end in costs_s), key=lambda end: costs_s[end])
    fast = [end for end in ordered if costs_s[end] < SLOW_S] or ordered[:1]
    half = fast[: max(ENDPOINTS, math.ceil(len(fast) / 2))]
    if len(half) <= ENDPOINTS:
        return tuple(half)
    return tuple(half[(2 * n + 1) * len(half) // (2 * ENDPOINTS)] for n in range(ENDPOINTS))


def _wanted(arms: tuple[str, ...], endpoints: Sequence[str]) -> Wanted:
    return Wanted(arms, dict.fromkeys(endpoints, Slice(SLICE_S * len(arms), arms)))


def _cost(sets: Sequence[LaunchSet], endpoint: str) -> Cost:
    """What is known by now of the cost without a delay.

    The harmonic mean: a delay is a share of what each launch costs, and the mean of such shares is
    the one that was asked for.
    """
    both = [one.samples[arm][endpoint] for one in sets for arm in (BEFORE, AGAIN)]
    return Cost(
        harmonic_mean([mean_ms(one, "cpu") for one in both]),
        harmonic_mean([mean_ms(one, "wall") for one in both]),
    )
