"""One launch set: fresh processes of every arm, warmed alike, asked in turn in random order."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from random import Random
from statistics import fmean
from typing import Protocol

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
TIMEOUT_S = 60.0  # three times what the slowest endpoint that is measured may take
OVERTIME_S = 30.0  # an arm that became much slower than it was in the gates must not hang us
NO_CROWDS: Mapping[str, int] = {}
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
    """What an endpoint should get in a launch set: seconds, in all of these arms together.

    `at_once` copies of each call are sent to an arm together.
    """

    seconds: float
    arms: tuple[str, ...]
    at_once: int = 1


@dataclass(frozen=True)
class Share:
    """The calls that an endpoint gets: `rounds` of equal length in `arms`, after the warm-up."""

    endpoint: str
    calls: tuple[Call, ...]
    rounds: int
    warm: tuple[Call, ...] = ()
    arms: frozenset[str] = frozenset()
    at_once: int = 1

    def slots(self) -> list[tuple[int, Call]]:
        """(round, call) in the order in which they are sent."""
        length = len(self.calls) // self.rounds
        return [(position // length, call) for position, call in enumerate(self.calls)]


@dataclass
class Sample:
    """One endpoint in one arm: milliseconds of each request, by round."""

    cpu_ms: list[list[float]] = field(default_factory=list)
    wall_ms: list[list[float]] = field(default_factory=list)

    def add(self, round_number: int, wall_ms: float) -> list[float]:
        """Adds a request; gives the list that its CPU belongs in."""
        while len(self.cpu_ms) <= round_number:
            self.cpu_ms.append([])
            self.wall_ms.append([])
        self.wall_ms[round_number].append(wall_ms)
        return self.cpu_ms[round_number]

    @property
    def requests(self) -> int:
        return sum(map(len, self.cpu_ms))


@dataclass(frozen=True)
class LaunchSet:
    """What one launch of all arms gave: a sample per arm and endpoint.

    `unseen` says why CPU is not all that a request costs, "" where it is. `launch_s` is the time
    until all arms were ready, `seconds` all of it.
    """

    samples: dict[str, dict[str, Sample]]
    waiting_share: float = 0.0
    unseen: str = ""
    launch_s: float = 0.0
    seconds: float = 0.0


class Account:
    """Books the CPU of some processes to the request that caused it.

    A request is charged with all CPU from before it is sent until before the next one to these
    processes, so that what is done after the response counts.
    """

    def __init__(self, cpu_ns: Callable[[], int]) -> None:
        self._cpu_ns = cpu_ns
        self._since = 0
        self._into: list[float] | None = None
        self._requests = 1

    def settle(self) -> None:
        """The request that was charged last is over; the next one begins."""
        now = self._cpu_ns()
        if self._into is not None:
            self._into.append((now - self._since) / self._requests / 1e6)
        self._since, self._into = now, None

    def charge(self, into: list[float], requests: int = 1) -> None:
        """What is used since `settle` was called goes here, in milliseconds per request."""
        self._into, self._requests = into, requests


class Lane(Protocol):
    """One arm that is sent calls."""

    @property
    def arm(self) -> str: ...

    def send(self, call: Call, slot: tuple[str, int] | None) -> None:
        """Sends `call`; it counts for the (endpoint, round) `slot`, None while warming up.

        Raises `ArmFailed`.
        """

    def close(self) -> None: ...


class _Meter:
    """Sends calls to one launch; while other arms work this one is idle.

    `at_once` says of which endpoints several copies are sent together: their latency is the mean.
    """

    def __init__(
        self,
        arm: str,
        running: Running,
        headers: Mapping[str, str],
        at_once: Mapping[str, int] = NO_CROWDS,
    ) -> None:
        self.arm = arm
        self._at_once = at_once
        self._running = running
        self._headers = headers
        self._clients = [
            Client(running.base_url, TIMEOUT_S) for _ in range(max(at_once.values(), default=1))
        ]
        self._pool = ThreadPoolExecutor(len(self._clients))
        self._account = Account(lambda: running.cpu().total_ns)
        self.samples: dict[str, Sample] = {}
        self.first = running.cpu()

    def send(self, call: Call, slot: tuple[str, int] | None) -> None:
        self._account.settle()
        requests = self._at_once.get(call.endpoint, 1)
        try:
            seconds = self._seconds(call.signed(self._headers), requests)
        except OSError as error:
            tail = self._running.log_tail()
            raise ArmFailed(self.arm, f"{call.method} {call.path}: {error}\n{tail}") from error
        if slot is not None:
            sample = self.samples.setdefault(slot[0], Sample())
            self._account.charge(sample.add(slot[1], seconds * 1e3), requests)

    def _seconds(self, call: Call, requests: int) -> float:
        if requests == 1:
            return self._clients[0].send(call).seconds
        asked = [self._pool.submit(client.send, call) for client in self._clients[:requests]]
        wait(asked)
        return fmean(one.result().seconds for one in asked)

    def close(self) -> None:
        self._account.settle()
        for client in self._clients:
            client.close()
        self._pool.shutdown()


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
    at_once = 1 if once or group[0].writes else wanted.at_once
    return Share(endpoint, tuple(endless[:total]), rounds, warm, frozenset(wanted.arms), at_once)


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
        at_once = {share.endpoint: share.at_once for share in plan}
        meters = [
            _Meter(running.arm, running, sign_in(running) if sign_in else {}, at_once)
            for running in runs
        ]
        ready = time.monotonic()
        ask(meters, plan, random, progress, seconds_left)
        found = _collected(meters, runs)
    finally:
        lab.stop_all(runs)
    return replace(found, launch_s=ready - started, seconds=time.monotonic() - started)


def ask(
    lanes: Sequence[Lane],
    plan: Sequence[Share],
    random: Random,
    progress: Progress,
    seconds_left: Callable[[], float],
) -> None:
    """Warms all lanes, then sends the plan call by call; gives up what the time ran out for."""
    for share in plan:
        for call in share.warm:
            for lane in random.sample(lanes, len(lanes)):
                if lane.arm in share.arms and seconds_left() > -OVERTIME_S:
                    lane.send(call, None)
    for share in plan:
        progress.step(share.endpoint, 0, seconds_left())
        asked = [lane for lane in lanes if lane.arm in share.arms]
        for number, call in share.slots():
            if seconds_left() < -OVERTIME_S:
                break
            for lane in random.sample(asked, len(asked)):
                lane.send(call, (share.endpoint, number))
    for lane in lanes:
        lane.close()


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
        next((cpu.unseen for cpu in last if cpu.unseen), ""),
    )
