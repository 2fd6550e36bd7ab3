import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.remote.servers import program
from unslow.errors import UnslowError, UsageError
from unslow.lab.compare import Options, _remote_gate, remote
from unslow.lab.prove import schedule
from unslow.lab.target import RouteMask
from unslow.lab.workload import Wanted
from unslow.model import Comparison
from unslow.progress import Silent

BUDGET_S = 8.0
LONG_S = 90.0  # for what ends as soon as it is shown
WORK = Wanted(include=("GET /work",), writes=False)
READS = Wanted(writes=False)
Start = Callable[..., str]


@pytest.fixture
def start(tmp_path: Path, request: pytest.FixtureRequest) -> Start:
    """Starts the program with these variables, for this test."""

    def start(**env: str) -> str:
        running = program(tmp_path, **env)
        url = running.__enter__()
        request.addfinalizer(lambda: running.__exit__(None, None, None))
        return url

    return start


def compared(
    base: str, candidate: str, wanted: Wanted = READS, budget_s: float = BUDGET_S
) -> Comparison:
    report = remote.compare(base, candidate, Options(wanted, budget_s=budget_s), Silent())
    assert report.comparison is not None
    return report.comparison


def test_two_copies_of_a_service_are_neither_faster_nor_slower(start: Start) -> None:
    found = compared(start(), start(), WORK).verdict
    assert found.verdict in ("no-gain", "inconclusive")
    assert found.responses is not None
    assert found.responses.compared == found.responses.equal == 1


def test_a_service_that_works_less_is_proven_by_cpu(start: Start) -> None:
    found = compared(start(COST="6"), start(), WORK, LONG_S)
    assert (found.verdict.verdict, found.verdict.metric) == ("proven", "cpu")
    assert found.verdict.speedup is not None
    assert found.verdict.speedup.estimate > 2
    assert any("launches could not be randomised" in note for note in found.notes)
    assert any("no clones" in note for note in found.notes)


def test_a_service_that_works_more_is_slower(start: Start) -> None:
    assert compared(start(), start(COST="6"), WORK, LONG_S).verdict.verdict == "slower"


def test_another_answer_is_different_and_a_time_is_noise(start: Start) -> None:
    found = compared(start(), start(PRICE="6")).verdict
    assert found.verdict == "different"
    assert "GET /items/1" in found.reason  # the list told that there is a 1
    assert "price" in found.reason
    assert found.responses is not None
    assert any("asked_at" in mask for mask in found.responses.masked)


def test_a_mask_of_the_user_is_not_compared(start: Start) -> None:
    masks = {"GET /items/*": RouteMask(json=("price",))}
    urls = start(ROUTES="/items/{item_id}"), start(ROUTES="/items/{item_id}", PRICE="6")
    wanted = Wanted(include=("GET /items/1",), writes=False)
    options = Options(wanted, budget_s=1.0)
    comparison = remote.compare(*urls, options, Silent(), masks).comparison
    assert comparison is not None
    assert comparison.verdict.verdict != "different"


def test_endpoints_of_one_side_are_named_and_not_compared(start: Start) -> None:
    shared = "/items /items/{item_id}"
    found = compared(start(ROUTES=f"{shared} /work"), start(ROUTES=f"{shared} /log", PRICE="6"))
    assert found.only_base == ("GET /work",)
    assert found.only_candidate == ("GET /log",)


def test_nothing_is_written_unless_it_is_wanted(start: Start, tmp_path: Path) -> None:
    recording, log = tmp_path / "recording.jsonl", tmp_path / "log"
    lines = ({"path": "/items/1"}, {"path": "/items", "method": "POST", "body": "{}"})
    recording.write_text("\n".join(map(json.dumps, lines)))
    for writes in (False, True):
        log.write_text("")
        wanted = Wanted(recordings=(recording,), writes=writes)
        compared(start(LOG=str(log)), start(LOG=str(log), PRICE="6"), wanted)
        assert ("POST" in log.read_text().split()) == writes


def test_a_candidate_that_ends_midway_has_failed(start: Start) -> None:
    found = compared(start(), start(CRASH="40"), WORK)
    assert found.verdict.verdict == "failed"


def test_a_candidate_that_hangs_midway_has_failed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "TIMEOUT_S", 2.0)
    found = compared(start(), start(HANG="40"), WORK)
    assert found.verdict.verdict == "failed"
    assert "no answer within 2 s" in found.verdict.reason


def test_a_candidate_that_hangs_at_once_has_failed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_remote_gate, "TIMEOUT_S", 2.0)
    found = compared(start(), start(HANG="2"), WORK)
    assert found.verdict.verdict == "failed"


def test_a_base_that_ends_midway_is_an_error(start: Start) -> None:
    with pytest.raises(UnslowError, match="failed in the measurement"):
        compared(start(CRASH="40"), start(), WORK)


def test_a_base_that_hangs_is_an_error(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_remote_gate, "TIMEOUT_S", 2.0)
    with pytest.raises(UsageError, match="no answer within 2 s"):
        compared(start(HANG="2"), start(), WORK)


def test_a_clock_that_jumps_in_a_service_changes_nothing(start: Start) -> None:
    found = compared(start(COST="6", CLOCK="1"), start(CLOCK="1"), WORK).verdict
    assert found.verdict in ("proven", "inconclusive")
    (work,) = found.effects
    assert work.speedup is not None
    assert work.speedup.estimate > 2
    assert all(0 < value < 10_000 for value in (*work.samples.before, *work.samples.after))


def test_wall_time_decides_where_the_kernel_counts_no_cpu(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(clock: int) -> int:
        raise OSError

    monkeypatch.setattr("time.clock_gettime_ns", refused)
    found = compared(start(COST="6"), start(), WORK)
    assert found.verdict.metric == "wall"
    assert "kernel does not tell" in found.verdict.uncounted


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://192.0.2.7:8000", "not on the loopback interface"),
        ("https://127.0.0.1:8000", "only plain HTTP"),
        ("http://127.0.0.1:8000/shop", "--endpoint"),
        ("http://127.0.0.1:1", "does not answer"),
        ("http://127.0.0.1:x", "not an address"),
    ],
)
def test_an_address_that_cannot_be_measured_is_refused(url: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        compared(url, url)


def test_a_service_is_not_compared_with_itself(start: Start) -> None:
    url = start()
    with pytest.raises(UsageError, match="the same service"):
        compared(url, url.replace("127.0.0.1", "localhost"))


def test_a_service_that_does_not_describe_itself_needs_paths(start: Start) -> None:
    with pytest.raises(UsageError, match="--workload FILE"):
        compared(start(ROUTES=""), start())
