"""Proofs under load on a real server: what is counted, and how candidates fail."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.load import servers
from unslow.errors import UnslowError
from unslow.lab.load._job import NO_CONNECTION
from unslow.lab.prove._under_load import Loadable, Overrun, refuse_failures
from unslow.lab.prove.capacity import prove_capacity
from unslow.lab.prove.loaded import judge_loaded
from unslow.lab.prove.schedule import Arm, ArmFailed
from unslow.lab.prove.waiting import prove_latency
from unslow.lab.target import Lab, Target
from unslow.lab.workload import Call, Workload
from unslow.model import Patch, TextEdit, Verdict
from unslow.progress import Silent

SLOW, QUICK = "await asyncio.sleep(0.08)", "await asyncio.sleep(0.02)"
READS = Workload(
    (Call("GET", "/a", "GET /a"), Call("GET", "/b", "GET /b"), Call("POST", "/c", "POST /c")),
    held_out=(Call("GET", "/a?held", "GET /a"),),
)


class OnePair(Silent):
    """A clock that gives time for one launch pair, and none once its last turn has begun."""

    def __init__(self) -> None:
        self.turns = 0

    def step(self, message: str = "", count: int = 1, seconds_left: float | None = None) -> None:
        self.turns += message.startswith(("turn", "concurrency"))

    def seconds_left(self) -> float:
        return 30.0 if self.turns < 4 else 0.0


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        root = tmp_path_factory.mktemp("app")
        (root / "app.py").write_text(servers.sleeping(SLOW))
        target = Target(root, ("uvicorn", "app:app"), Path(sys.executable), "asgi")
        with Lab(target, Silent()) as one:
            yield one


def arms(lab: Lab, wait: str) -> tuple[Arm, Arm]:
    """The slow version, and one that waits otherwise."""
    start = servers.sleeping(SLOW).index(SLOW)
    edit = TextEdit("app.py", start, start + len(SLOW), wait)
    patched = lab.tree([Patch("by-hand", wait, "review", edits=(edit,))])
    return Arm("A", lab.tree()), Arm("B", patched)


def latency(lab: Lab, wait: str) -> Verdict:
    clock = OnePair()
    return prove_latency(
        lab,
        READS,
        *arms(lab, wait),
        seconds_left=clock.seconds_left,
        progress=clock,
        max_slowdown=0.05,
        rate=40,
    )


def test_writes_alone_cannot_be_loaded(lab) -> None:
    only = Workload(READS.calls[2:])
    with pytest.raises(UnslowError, match="no reads"):
        prove_capacity(
            lab,
            only,
            *arms(lab, QUICK),
            seconds_left=lambda: 0.0,
            progress=Silent(),
            max_slowdown=0.05,
        )


def test_no_time_is_inconclusive(lab) -> None:
    found = prove_latency(
        lab,
        READS,
        *arms(lab, QUICK),
        seconds_left=lambda: 0.0,
        progress=Silent(),
        max_slowdown=0.05,
        rate=40,
    )
    assert (found.verdict, found.launches) == ("inconclusive", 0)
    assert "time budget" in found.reason


def test_latencies_are_booked_to_their_version_and_endpoint(lab) -> None:
    verdict = latency(lab, QUICK)
    assert (verdict.verdict, verdict.launches) == ("inconclusive", 1)
    assert verdict.metric == "wall"
    load = verdict.load
    assert load
    assert load.rate == 40
    assert [one.endpoint for one in load.latencies] == ["", "GET /a", "GET /b"]
    whole, *singly = load.latencies
    assert whole.requests == sum(one.requests for one in singly) == verdict.requests
    for one in load.latencies:
        for effect in one.quantiles:
            assert effect.before_ms >= 80
            assert effect.after_ms >= 20
    assert [effect.endpoint for effect in verdict.effects] == ["GET /a", "GET /b"]
    assert all(len(effect.samples.before) == verdict.launches for effect in verdict.effects)


def test_throughput_is_measured_at_five_levels(lab) -> None:
    locks = [f"async with LOCK: await asyncio.sleep({seconds})" for seconds in (0.02, 0.01)]
    clock = OnePair()
    verdict = judge_loaded(
        lab,
        READS,
        (Arm("A", arms(lab, locks[0])[1].tree), arms(lab, locks[1])[1]),
        ({}, {}),
        "throughput",
        seconds_left=clock.seconds_left,
        progress=clock,
        max_slowdown=0.05,
    )
    assert verdict.load
    capacity = verdict.load.capacity
    assert capacity
    for curve, wait_s in ((capacity.before, 0.02), (capacity.after, 0.01)):
        assert len(curve.points) == 5
        assert curve.points[0].concurrency == 1
        assert all(0 < point.rates[0] <= 1.5 / wait_s for point in curve.points)
        assert curve.scale
    assert [(one.endpoint, one.verdict) for one in verdict.effects] == [
        ("GET /a", "not-run"),
        ("GET /b", "not-run"),
        ("POST /c", "not-run"),
    ]


@pytest.mark.parametrize(
    ("wait", "reason"),
    [("raise OSError('gone')", "requests failed under load"), ("import nothing.at.all", "failed")],
)
def test_a_candidate_that_fails_under_load_is_failed(lab, wait, reason) -> None:
    found = latency(lab, wait)
    assert found.verdict == "failed"
    assert reason in found.reason


@pytest.mark.parametrize(
    ("error", "kind"), [("connection refused", ArmFailed), (NO_CONNECTION, Overrun)]
)
def test_requests_that_found_no_connection_tell_of_overload_not_of_a_crash(
    lab, error, kind
) -> None:
    running = lab.launch(lab.tree(), "B")
    try:
        with pytest.raises(ArmFailed) as raised:
            refuse_failures(Loadable("B", running, (), ()), 100, 60, error)
    finally:
        running.stop()
    assert type(raised.value) is kind


def test_a_base_that_fails_is_an_error(lab) -> None:
    good, bad = arms(lab, "raise OSError('gone')")
    with pytest.raises(UnslowError, match="the application itself fails"):
        prove_latency(
            lab,
            READS,
            Arm("A", bad.tree),
            Arm("B", good.tree),
            seconds_left=lambda: 30.0,
            progress=Silent(),
            max_slowdown=0.05,
        )
