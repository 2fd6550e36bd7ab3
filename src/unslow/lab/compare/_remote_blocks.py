"""Blocks in time: two running services asked in turn in random order, as launch sets are."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from unslow.lab.compare._remote_cpu import Accounting, Shared
from unslow.lab.compare._remote_service import Service
from unslow.lab.prove import schedule
from unslow.lab.prove.schedule import (
    AGAIN,
    BEFORE,
    Account,
    ArmFailed,
    LaunchSet,
    Sample,
    Share,
    ask,
    shares,
)
from unslow.lab.prove.session import UNKNOWN_S, by_endpoint
from unslow.lab.prove.trial import Costs, Wanted
from unslow.lab.workload import Call, Client, Workload
from unslow.progress import Progress

BLOCK_S = 6.0  # shorter blocks are more of them: the unit of the statistics


EVEN = "B'"
"""Asked when A' is, and not counted: a process that is asked twice as often is warmer, by a tenth
of the CPU of a small request."""


class Place:
    """One service with its connection and its accounts; several arms may be asked there."""

    def __init__(self, service: Service, shared: Account) -> None:
        self.service = service
        self.client = Client(service.base_url, schedule.TIMEOUT_S)
        self.account = Account(service.accounting.own_ns)
        self.shared = shared

    def close(self) -> None:
        self.account.settle()
        self.client.close()


class Lane:
    """An arm. Its own processes are charged until their next request, shared ones until anyone's:
    a cache that both services use serves one of them at a time."""

    def __init__(self, arm: str, place: Place) -> None:
        self.arm = arm
        self.samples: dict[str, Sample] = {}
        self._place = place
        self._shared_ms: dict[tuple[str, int], list[float]] = {}

    def send(self, call: Call, slot: tuple[str, int] | None) -> None:
        place = self._place
        place.shared.settle()
        place.account.settle()
        try:
            seconds = place.client.send(call).seconds
        except OSError as error:
            raise ArmFailed(self.arm, f"{call.method} {call.path}: {error}") from error
        if slot is not None:
            sample = self.samples.setdefault(slot[0], Sample())
            place.account.charge(sample.add(slot[1], seconds * 1e3))
            place.shared.charge(self._shared_ms.setdefault(slot, []))

    def close(self) -> None:
        """Both accounts are settled by now, or by this."""
        self._place.shared.settle()
        self._place.close()

    def collected(self) -> dict[str, Sample]:
        """The samples, with what the shared processes did for them."""
        for (endpoint, number), extra in self._shared_ms.items():
            own = self.samples[endpoint].cpu_ms[number]
            own[:] = [one + other for one, other in zip(own, extra, strict=True)]
        return self.samples


@dataclass
class Blocks:
    """Samples blocks of running services; `services` are arms by name, and may repeat."""

    services: Mapping[str, Service]
    workload: Workload
    costs: Costs
    once: frozenset[str]
    random: Random
    progress: Progress
    seconds_left: Callable[[], float]
    blocks: int = 0

    def __call__(self, wanted: Wanted) -> LaunchSet:
        """One block. Raises `ArmFailed`."""
        started = time.monotonic()
        self.blocks += 1
        calls = by_endpoint(self.workload.calls)
        if wanted.held_out:
            calls |= by_endpoint(self.workload.held_out)
        cost_s = {end: self._cost_s(end, one.arms) for end, one in wanted.slices.items()}
        plan = _evenly(shares(calls, cost_s, _shortened(wanted), self.once, self.random))
        self.progress.step(f"block {self.blocks}", 1, self.seconds_left())
        extra = (EVEN,) if AGAIN in wanted.arms else ()
        accounted = {name: self.services[name] for name in (*wanted.arms, *extra)}
        both = tuple({one.port: one.accounting for one in self.services.values()}.values())
        lanes = _lanes(accounted, both)
        waited = [one.waiting_ns() for one in both]
        worked = [one.own_ns() for one in both]
        try:
            ask(lanes, plan, self.random, self.progress, self.seconds_left)
        finally:
            for lane in lanes:
                lane.close()
        for one in both:
            one.look()
        waited_ns = sum(one.waiting_ns() for one in both) - sum(waited)
        worked_ns = sum(one.own_ns() for one in both) - sum(worked)
        return LaunchSet(
            {lane.arm: lane.collected() for lane in lanes if lane.arm != EVEN},
            waited_ns / (waited_ns + worked_ns) if waited_ns + worked_ns > 0 else 0.0,
            next((one.unseen for one in both if one.unseen), "") or _same_processes(both),
            seconds=time.monotonic() - started,
        )

    def _cost_s(self, endpoint: str, arms: Sequence[str]) -> float:
        usual = self.costs.get(BEFORE, {}).get(endpoint, UNKNOWN_S)
        return sum(self.costs.get(arm, {}).get(endpoint, usual) for arm in arms)


def _lanes(services: Mapping[str, Service], both: Sequence[Accounting]) -> list[Lane]:
    common = Account(Shared(both).ns)
    places = {one.port: Place(one, common) for one in services.values()}
    return [Lane(arm, places[one.port]) for arm, one in services.items()]


def _evenly(plan: Sequence[Share]) -> tuple[Share, ...]:
    return tuple(
        replace(share, arms=share.arms | {EVEN}) if AGAIN in share.arms else share for share in plan
    )


def _shortened(wanted: Wanted) -> "Mapping[str, schedule.Slice]":
    """A launch costs nothing here, so that many short blocks say more than a few long ones."""
    total = sum(one.seconds for one in wanted.slices.values())
    scale = min(1.0, BLOCK_S / total) if total else 1.0
    return {end: replace(one, seconds=one.seconds * scale) for end, one in wanted.slices.items()}


def _same_processes(both: Sequence[Accounting]) -> str:
    if len(both) > 1 and not both[0].own.keys().isdisjoint(both[1].own):
        return "both addresses are served by the same processes"
    return ""
