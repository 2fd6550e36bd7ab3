"""Launch pairs that are put under load: both versions started, warmed, asked in turn."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

from unslow.errors import UnslowError
from unslow.lab.load._job import NO_CONNECTION
from unslow.lab.load.check import Ceiling
from unslow.lab.load.generator import Generator, Sent, Throughput
from unslow.lab.load.schedule import Schedule, picks
from unslow.lab.prove.schedule import Arm, ArmFailed, SignIn
from unslow.lab.target import Lab, Running, Start, StartFailed
from unslow.lab.workload import Call, Workload
from unslow.progress import Progress

WARM_LINES = 4
WARM_S = 0.7
PROBE_S = 0.7  # of each concurrency level, when looking for what a version can serve
MOST_LINES = 64
GAIN_PER_DOUBLING = 1.05  # below it more connections only wait
MOST_PICKS = 5000  # of a closed load, which goes round them
FAILING = 0.01  # the share of failed requests from which a load is no measurement
PLANNED_PAIRS = 8  # the time is spread over so many
MOST_PAIRS = 40
REPLICATION_PAIRS = 2


@dataclass(frozen=True)
class Loadable:
    """One running version, with the calls signed for its own session."""

    arm: str
    running: Running
    calls: tuple[Call, ...]
    held_out: tuple[Call, ...]

    def asked(self, held_out: bool) -> tuple[Call, ...]:
        """The calls, or the held-out ones of each endpoint that has some."""
        if not held_out:
            return self.calls
        replaced = {call.endpoint for call in self.held_out}
        return (*self.held_out, *(call for call in self.calls if call.endpoint not in replaced))


@dataclass
class Bench:
    """Everything that a claim under load needs. `loads` keeps what was sent, for the check."""

    lab: Lab
    workload: Workload
    before: Arm
    after: Arm
    generator: Generator
    ceiling: Ceiling
    random: Random
    progress: Progress
    seconds_left: Callable[[], float]
    sign_in: SignIn | None = None
    loads: list[Sent | Throughput] = field(default_factory=list)
    launch_s: float = 4.0  # of a pair, until the first one tells better
    load_s: float = 0.0  # of the last pair's load, with what it took to end

    @contextmanager
    def pair(self) -> Iterator[Mapping[str, Loadable]]:
        """Fresh processes of both versions, started in random order and warmed alike.

        Raises `ArmFailed` for a candidate and `UnslowError` for a base that does not answer.
        """
        started = time.monotonic()
        runs: list[Running] = []
        drawn = self.random.sample([self.before, self.after], 2)
        self.progress.step(f"start {', '.join(arm.name for arm in drawn)}", 1, self.seconds_left())
        try:
            try:
                runs += self.lab.launch_all([Start(arm.tree, arm.name, arm.sql) for arm in drawn])
            except StartFailed as error:
                raise ArmFailed(error.arm, str(error)) from error
            found = {running.arm: self._loadable(running) for running in runs}
            for one in found.values():
                self._warm(one)
            self.launch_s = time.monotonic() - started
            yield found
            self.load_s = time.monotonic() - started - self.launch_s
        except ArmFailed as error:
            if error.arm == self.before.name:
                raise UnslowError(f"the application itself fails: {error}") from error
            raise
        finally:
            self.lab.stop_all(runs)

    def forget(self) -> None:
        """What was sent to find a rate or levels: no claim rests on it, nor on its length."""
        self.loads.clear()
        self.load_s = 0.0

    def shuffled(self, pair: Mapping[str, Loadable]) -> list[Loadable]:
        """Both versions, in an order that is drawn anew."""
        return self.random.sample(list(pair.values()), len(pair))

    def send(self, one: Loadable, load: Schedule) -> Sent:
        """An open load on one version. Raises `ArmFailed` when it fails under it."""
        sent = self.generator.open_loop(one.running.base_url, load)
        self.loads.append(sent)
        refuse_failures(one, len(sent.statuses), sent.failures, sent.error)
        return sent

    def drive(
        self, one: Loadable, lines: int, seconds: float, held_out: bool = False
    ) -> Throughput:
        """A closed load on one version. Raises `ArmFailed` when it fails under it."""
        calls = one.asked(held_out)
        order = picks(calls, MOST_PICKS, self.random)
        found = self.generator.closed_loop(one.running.base_url, calls, order, lines, seconds)
        self.loads.append(found)
        refuse_failures(one, found.requests, found.failures, found.error)
        return found

    def saturation(self, one: Loadable) -> tuple[int, float]:
        """The concurrency from which on throughput hardly grows, and that throughput."""
        lines, best = 1, self.drive(one, 1, PROBE_S).rate
        while lines < MOST_LINES:
            rate = self.drive(one, 2 * lines, PROBE_S).rate
            if rate < best * GAIN_PER_DOUBLING:
                return lines, max(rate, best)
            lines, best = 2 * lines, rate
        return lines, best

    def seconds_per_pair(self, pairs_done: int) -> float:
        """What is left for one pair's load, beside its launch."""
        planned = max(1, PLANNED_PAIRS - pairs_done) + REPLICATION_PAIRS
        return self.seconds_left() / planned - self.launch_s

    def fits(self, pair_s: float, more: int = REPLICATION_PAIRS) -> bool:
        """Whether one more pair fits, and the `more` that must follow it."""
        pair_s = max(pair_s, self.load_s)
        return (1 + more) * (self.launch_s + pair_s) <= self.seconds_left()

    def _loadable(self, running: Running) -> Loadable:
        headers = self.sign_in(running) if self.sign_in else {}
        calls = tuple(call.signed(headers) for call in self.workload.calls)
        held_out = tuple(call.signed(headers) for call in self.workload.held_out)
        return Loadable(running.arm, running, calls, held_out)

    def _warm(self, one: Loadable) -> None:
        order = [*range(len(one.calls))] * 2
        self.random.shuffle(order)
        found = self.generator.closed_loop(
            one.running.base_url, one.calls, order, WARM_LINES, WARM_S
        )
        refuse_failures(one, found.requests, found.failures, found.error)


class Overrun(ArmFailed):
    """Requests came faster than the arm answered, until no connection was left for them."""


def reads(workload: Workload) -> Workload:
    """The calls that may be sent any number of times. Raises `UnslowError` when there are none.

    Under a closed load the faster version would be given more writes than the slower.
    """
    calls = tuple(call for call in workload.calls if not call.writes)
    if not calls:
        raise UnslowError(
            "the workload has no reads, and writes cannot be repeated at will; measure CPU "
            "(--measure cpu), or choose other endpoints"
        )
    held_out = tuple(call for call in workload.held_out if not call.writes)
    return Workload(calls, held_out, workload.skipped)


def refuse_failures(one: Loadable, requests: int, failures: int, error: str) -> None:
    if failures > FAILING * requests:
        first = f": {error}" if error else ""
        tail = "" if one.running.alive() else f"\n{one.running.log_tail()}"
        kind = Overrun if error == NO_CONNECTION and one.running.alive() else ArmFailed
        raise kind(one.arm, f"{failures} of {requests} requests failed under load{first}{tail}")
