"""Fixes that CPU does not decide: by waiting time, or by the gates alone."""

import math
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from unslow.lab.prove import outcome
from unslow.lab.prove.schedule import BEFORE, LaunchSet, Sample, Slice, shares
from unslow.lab.prove.schedule import _Meter as Meter
from unslow.lab.prove.trial import Claim, Trial, Wanted
from unslow.lab.target import Cpu
from unslow.lab.workload import Call
from unslow.model.patch import PatchMetric

ENDPOINTS = ("GET a", "GET b", "GET c", "GET d")
Factors = dict[str, float]


class Machine:
    """Launch sets whose CPU and wall factors of arm B are given by endpoint."""

    def __init__(self, wall: Factors, cpu: Factors) -> None:
        self.factors = {"wall": wall, "cpu": cpu}
        self.random = random.Random(3)
        self.wanted: list[Wanted] = []
        self.left = 300.0

    def __call__(self, wanted: Wanted) -> LaunchSet:
        self.wanted.append(wanted)
        self.left -= 8.0
        samples = {
            arm: {
                end: Sample(self.rounds("cpu", arm, end), self.rounds("wall", arm, end))
                for end, one in wanted.slices.items()
                if arm in one.arms
            }
            for arm in wanted.arms
        }
        return LaunchSet(samples, launch_s=1.0, seconds=8.0)

    def rounds(self, clock: str, arm: str, end: str) -> list[list[float]]:
        factor = self.factors[clock].get(end, 1.0) if arm == "B" else 1.0
        return [[10.0 * factor * math.exp(self.random.gauss(0, 0.02))] * 4] * 5

    def run(self, metric: PatchMetric, at_once: int = 1) -> tuple[Trial, Claim]:
        claim = Claim(
            "fix",
            "B",
            ("GET a",),
            ("GET b",),
            ("GET c", "GET d"),
            metric=metric,
            at_once={"GET a": at_once},
        )
        costs = {BEFORE: dict.fromkeys(ENDPOINTS, 0.01)}
        trial = Trial([claim], dict.fromkeys(ENDPOINTS, 1.0), costs, self, lambda: self.left)
        trial.run(2)
        trial.replicate()
        return trial, claim


def verdict(wall: Factors, cpu: Factors, metric: PatchMetric) -> tuple[str, str, bool]:
    trial, claim = Machine(wall, cpu).run(metric)
    found = outcome.verdict(trial, claim, {}, {}, None)
    return found.verdict, found.metric, found.speedup is not None


@pytest.mark.parametrize("metric", ["cpu", "wall"])
def test_nothing_is_proven_where_nothing_changes(metric: PatchMetric) -> None:
    assert verdict({}, {}, metric)[0] in ("no-gain", "inconclusive")


def test_saved_waiting_is_no_gain_in_cpu() -> None:
    assert verdict({"GET a": 0.4}, {}, "cpu")[0] in ("no-gain", "inconclusive")


def test_saved_waiting_is_proven_by_wall_time() -> None:
    assert verdict({"GET a": 0.4}, {}, "wall") == ("proven", "wall", True)


def test_a_little_more_cpu_for_much_less_waiting_is_allowed() -> None:
    assert verdict({"GET a": 0.4}, {"GET a": 1.12}, "wall")[0] == "proven"


def test_waiting_that_is_bought_with_much_cpu_is_slower() -> None:
    assert verdict({"GET a": 0.4}, {"GET a": 1.5}, "wall")[0] == "slower"


@pytest.mark.parametrize("metric", ["wall", "gate"])
def test_harm_to_another_endpoint_counts_whatever_decides(metric: PatchMetric) -> None:
    assert verdict({"GET a": 0.4}, {"GET b": 1.4}, metric)[0] == "slower"


def test_a_right_fix_is_kept_without_a_gain_and_claims_none() -> None:
    assert verdict({}, {}, "gate") == ("harmless", "wall", False)


def test_a_right_fix_that_waits_longer_is_slower() -> None:
    assert verdict({"GET a": 1.5}, {}, "gate")[0] == "slower"


def test_a_right_fix_that_costs_much_cpu_is_slower() -> None:
    assert verdict({}, {"GET a": 1.6}, "gate")[0] == "slower"


def test_requests_meet_only_where_the_fix_says_so() -> None:
    machine = Machine({"GET a": 0.4}, {})
    machine.run("wall", at_once=4)
    for wanted in machine.wanted:
        assert {end for end, one in wanted.slices.items() if one.at_once > 1} == {"GET a"}


def test_writes_are_never_sent_together() -> None:
    slices = {end: Slice(1.0, ("A", "B"), 4) for end in ("GET a", "POST a")}
    calls = {end: [Call(end.split()[0], "/a", end)] for end in slices}
    found = shares(calls, dict.fromkeys(slices, 0.01), slices, frozenset(), random.Random(1))
    assert {one.endpoint: one.at_once for one in found} == {"GET a": 4, "POST a": 1}


class Launched:
    """A server of the test's own that answers only when three requests have met."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def cpu(self) -> Cpu:
        return Cpu(0, 0, 0)


def test_copies_of_a_call_reach_the_application_together() -> None:
    met = threading.Barrier(3)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            met.wait(timeout=20)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    meter = Meter("A", Launched(f"http://127.0.0.1:{server.server_port}"), {}, {"GET a": 3})  # type: ignore[arg-type]
    try:
        meter.send(Call("GET", "/", "GET a"), ("GET a", 0))
        assert meter.samples["GET a"].requests == 0  # its CPU is not booked yet
        meter.close()
        assert meter.samples["GET a"].requests == 1
        assert not met.broken
    finally:
        server.shutdown()
        server.server_close()
