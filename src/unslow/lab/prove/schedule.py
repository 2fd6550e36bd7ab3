"""One launch set: fresh processes of every arm, warmed alike, asked in turn in random order."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from unslow.errors import UnslowError
from unslow.lab.target import Lab, Running, Start, StartFailed, Tree
from unslow.lab.workload import Call, Client
from unslow.progress import Progress

BEFORE = "A"
AGAIN = "A'"

ROUNDS = 5
MOST_PER_ROUND = 20
WARM_SECONDS = 0.15  # cheap endpoints are warmed three times, slower ones once
MOST_WARM = 3
SLOW_S = 0.25  # what a first call costs more is nothing to a call that takes so long

SignIn = Callable[[Running], Mapping[str, str]]


class ArmFailed(UnslowError):
    """An arm did not start or stopped answering."""

    def __init__(self, arm: str, message: str) -> None:
        super().__init__(message)
        self.arm = arm


@dataclass(frozen=True)
class Arm:
    """A version of the application to launch. `sql` runs on its clone first, `env` is its own."""

    name: str
    tree: Tree
    sql: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Slice:
    """What an endpoint should get in a launch set: seconds, in all of these arms together."""

    seconds: float
    arms: tuple[str, ...]


@dataclass(frozen=True)
class Share:
    """The calls that an endpoint gets: `rounds` of equal length in `arms`, after the warm-up."""

    endpoint: str
    calls: tuple[Call, ...]
    rounds: int
    warm: tuple[Call, ...] = ()
    arms: frozenset[str] = frozenset()

    def slots(self) -> list[tuple[int, Call]]:
        """(round, call) in the order in which they are sent."""
        length = len(self.calls) // self.rounds
        return [(position // length, call) for position, call in enumerate(self.calls)]


@dataclass
class Sample:
    """One endpoint in one arm: milliseconds of each request, by round."""

    cpu_ms: list[list[float]] = field(default_factory=list)
    wall_ms: list[list[float]] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return sum(map(len, self.cpu_ms))


@dataclass(frozen=True)
class LaunchSet:
    """What one launch of all arms gave: a sample per arm and endpoint.

    `launch_s` is the time until all arms were ready, `seconds` all of it.
    """

    samples: dict[str, dict[str, Sample]]
    waiting_share: float = 0.0
    backends_seen: bool = True
    launch_s: float = 0.0
    seconds: float = 0.0


class _Meter:
    """Sends calls to one arm and books its CPU to the call it belongs to.

    A request is charged with all CPU from before it is sent until before the arm's next one, so
    that what is done after the response counts; while other arms work this one is idle.
    """

    def __init__(self, arm: str, running: Running, headers: Mapping[str, str]) -> None:
        self.arm = arm
        self._running = running
        self._headers = headers
        self._client = Client(running.base_url)
        self._open: tuple[list[float] | None, int] = (None, 0)
        self.samples: dict[str, Sample] = {}
        self.first = running.cpu()

    def send(self, call: Call, slot: tuple[str, int] | None) -> None:
        """Sends `call`; it counts for the (endpoint, round) `slot`, None while warming up."""
        now = self._running.cpu().total_ns
        self._book(now)
        self._open = (None, now)
        try:
            seconds = self._client.send(call.signed(self._headers)).seconds
        except OSError as error:
            tail = self._running.log_tail()
            raise ArmFailed(self.arm, f"{call.method} {call.path}: {error}\n{tail}") from error
        if slot is not None:
            sample = self.samples.setdefault(slot[0], Sample())
            while len(sample.cpu_ms) <= slot[1]:
                sample.cpu_ms.append([])
                sample.wall_ms.append([])
            sample.wall_ms[slot[1]].append(seconds * 1e3)
            self._open = (sample.cpu_ms[slot[1]], now)

    def close(self) -> None:
        self._book(self._running.cpu().total_ns)
        self._open = (None, 0)
        self._client.close()

    def _book(self, now: int) -> None:
        into, since = self._open
        if into is not None:
            into.append((now - since) / 1e6)


def shares(
    calls: Mapping[str, Sequence[Call]],
    cost_s: Mapping[str, float],
    slices: Mapping[str, Slice],
    once: frozenset[str],
    random: Random,
) -> tuple[Share, ...]:
    """How often each endpoint of `slices` is asked, reads in random order, then writes.

    `cost_s` is what one call costs in all arms of its slice. Endpoints in `once` change their own
    preconditions (a deletion): each of their calls is sent once per launch at most.
    """
    reads: list[Share] = []
    writes: list[Share] = []
    for endpoint, wanted in slices.items():
        group = list(calls.get(endpoint, ()))
        if group:
            kind = writes if group[0].writes else reads
            kind.append(_share(endpoint, group, cost_s[endpoint], wanted, endpoint in once, random))
    random.shuffle(reads)
    random.shuffle(writes)
    return (*reads, *writes)


def _share(
    endpoint: str, group: list[Call], cost_s: float, wanted: Slice, once: bool, random: Random
) -> Share:
    random.shuffle(group)
    affordable = max(1, round(wanted.seconds / max(cost_s, 1e-4)))
    if once:
        affordable = min(affordable, len(group))
    rounds = min(ROUNDS, affordable)
    total = rounds * min(affordable // rounds, MOST_PER_ROUND)
    warm_up = min(MOST_WARM, max(1, int(WARM_SECONDS / max(cost_s, 1e-4))))
    if once or cost_s / len(wanted.arms) > SLOW_S:
        warm_up = 0
    endless = [group[position % len(group)] for position in range(max(total, warm_up))]
    warm = tuple(endless[:warm_up])
    return Share(endpoint, tuple(endless[:total]), rounds, warm, frozenset(wanted.arms))


def measure(
    lab: Lab,
    arms: Sequence[Arm],
    plan: Sequence[Share],
    random: Random,
    *,
    sign_in: SignIn | None,
    progress: Progress,
    seconds_left: Callable[[], float],
) -> LaunchSet:
    """Launch `arms` in random order, warm them, send the plan to all of them call by call.

    One arm works at a time; the order of the arms is drawn anew for each call. Raises `ArmFailed`.
    """
    started = time.monotonic()
    runs: list[Running] = []
    try:
        drawn = random.sample(list(arms), len(arms))
        progress.step(f"start {', '.join(arm.name for arm in drawn)}", 0, seconds_left())
        try:
            runs += lab.launch_all([Start(arm.tree, arm.name, arm.sql, arm.env) for arm in drawn])
        except StartFailed as error:
            raise ArmFailed(error.arm, str(error)) from error
        meters = [
            _Meter(running.arm, running, sign_in(running) if sign_in else {}) for running in runs
        ]
        ready = time.monotonic()
        _ask(meters, plan, random, progress, seconds_left)
        found = _collected(meters, runs)
    finally:
        lab.stop_all(runs)
    return replace(found, launch_s=ready - started, seconds=time.monotonic() - started)


def _ask(
    meters: Sequence[_Meter],
    plan: Sequence[Share],
    random: Random,
    progress: Progress,
    seconds_left: Callable[[], float],
) -> None:
    for share in plan:
        for call in share.warm:
            for meter in random.sample(meters, len(meters)):
                if meter.arm in share.arms:
                    meter.send(call, None)
    for share in plan:
        progress.step(share.endpoint, 0, seconds_left())
        asked = [meter for meter in meters if meter.arm in share.arms]
        for number, call in share.slots():
            for meter in random.sample(asked, len(asked)):
                meter.send(call, (share.endpoint, number))
    for meter in meters:
        meter.close()


def _collected(meters: Sequence[_Meter], runs: Sequence[Running]) -> LaunchSet:
    samples = {meter.arm: meter.samples for meter in meters}
    last = [running.cpu() for running in runs]
    worked = sum(
        cpu.total_ns - meter.first.total_ns for cpu, meter in zip(last, meters, strict=True)
    )
    waited = sum(
        cpu.waiting_ns - meter.first.waiting_ns for cpu, meter in zip(last, meters, strict=True)
    )
    return LaunchSet(
        samples,
        waited / (worked + waited) if worked + waited else 0.0,
        all(cpu.backends_seen for cpu in last),
    )
