"""The load generator against real servers: what it counts, what it refuses, what it notices."""

import socket
from random import Random

import pytest

from tests.load import servers
from unslow.errors import UsageError
from unslow.lab.load.check import Ceiling, ceiling, checked, echo, quantile
from unslow.lab.load.generator import Generator, Sent
from unslow.lab.load.schedule import Schedule, schedule
from unslow.lab.workload import Call

GET = Call("GET", "/", "GET /")
FAST = Ceiling(20_000, 400, 400)


def sent(latency_ms: float = 5.0, lag_ms: float = 0.1, cpu_share: float = 0.1) -> Sent:
    many = 100
    return Sent(
        (0,) * many, (latency_ms,) * many, (lag_ms,) * many, (200,) * many, "", 1.0, cpu_share
    )


@pytest.fixture
def generator():
    with Generator() as one:
        yield one


def test_nothing_to_send_is_no_load(generator) -> None:
    found = generator.open_loop("http://127.0.0.1:9", Schedule((GET,), (), ()))
    assert found.statuses == ()


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1:80", "http://example.com:80", "https://127.0.0.1:443", "http://127.0.0.1"],
)
def test_load_goes_to_this_machine_only(generator, url) -> None:
    with pytest.raises(UsageError, match="this machine only"):
        generator.closed_loop(url, [GET], [0], 1, 0.1)


def test_a_server_that_is_not_there_answers_nothing(generator) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        found = generator.open_loop(url, schedule([GET], 50, 0.2, Random(1), "constant"))
        assert found.failures == len(found.statuses) >= 10
        assert "refused" in found.error.lower() or "Connect" in found.error
        closed = generator.closed_loop(url, [GET], [0], 2, 0.2)
        assert closed.rate == 0
        assert closed.failures == closed.requests > 0


def test_every_request_is_sent_once(generator) -> None:
    with echo() as url:
        load = schedule([GET, Call("POST", "/x", "POST /x", body=b"1")], 300, 0.5, Random(1))
        found = generator.open_loop(url, load)
    assert sorted(found.picks) == sorted(load.picks)
    assert found.failures == 0
    assert all(
        latency > 0 and latency >= lag
        for latency, lag in zip(found.latencies_ms, found.lags_ms, strict=True)
    )


@pytest.mark.parametrize(
    "options", [("--threads", "4"), ()], ids=["kept-alive", "closed each time"]
)
def test_a_real_server_answers_all_of_it(generator, tmp_path, options) -> None:
    calls = [
        Call("GET", "/streamed", "GET /streamed"),
        Call("HEAD", "/head", "HEAD /head"),
        Call("POST", "/ä b", "POST /", {"Content-Type": "text/plain", "X-A": "1\r\nX-B: 2"}, b"x"),
        Call("GET", "/missing", "GET /missing"),
    ]
    with servers.gunicorn(tmp_path, servers.WSGI, *options) as url:
        found = generator.closed_loop(url, calls[:3], [0, 1, 2], 3, 0.3)
        missing = generator.closed_loop(url, calls, [3], 1, 0.1)
    assert (found.failures, found.error) == (0, "")
    assert found.requests >= 6
    assert found.rate > 0
    assert missing.failures == missing.requests > 0


def test_a_known_wait_is_measured(generator, tmp_path) -> None:
    with servers.uvicorn(tmp_path, servers.sleeping(servers.FREE)) as url:
        found = generator.open_loop(url, schedule([GET], 40, 1.0, Random(1)))
        closed = generator.closed_loop(url, [GET], [0], 4, 0.5)
    assert quantile(found.latencies_ms, 0.5) >= 50
    assert min(found.latencies_ms) >= 50
    assert 0 < closed.rate <= 1.5 * 4 / 0.05


def test_a_serialising_lock_bounds_the_rate_whatever_the_connections(generator, tmp_path) -> None:
    with servers.uvicorn(tmp_path, servers.sleeping(servers.LOCKED)) as url:
        closed = generator.closed_loop(url, [GET], [0], 8, 1.0)
        found = generator.open_loop(url, schedule([GET], 40, 1.0, Random(1), "constant"))
    assert 0 < closed.rate <= 1.5 / 0.05
    # 40 come per second and 20 go: the last waits for about as long as the load lasted.
    assert max(found.latencies_ms) > 500


def test_a_stall_delays_all_that_was_due_meanwhile(generator, tmp_path) -> None:
    """Coordinated omission: of 300 requests one is slow, and a hundred would have had to wait."""
    with servers.uvicorn(tmp_path, servers.STALLING) as url:
        found = generator.open_loop(url, schedule([GET], 100, 3.0, Random(1), "constant"))
    assert found.failures == 0
    assert quantile(found.latencies_ms, 0.99) > 900
    assert sum(latency > 250 for latency in found.latencies_ms) > 60


def test_the_generator_finds_a_known_rate_again(generator) -> None:
    found = ceiling(generator)
    assert found.true
    assert found.rate > found.known


def test_a_generator_that_kept_up_is_not_blamed() -> None:
    assert checked(FAST, [sent()], asked=100).bottleneck == ""


@pytest.mark.parametrize(
    ("tried", "load", "asked", "reason"),
    [
        (FAST, sent(), 15_000, "itself reaches 20000"),
        (FAST, sent(cpu_share=0.95), 100, "busy for 95% of a core"),
        (FAST, sent(latency_ms=5, lag_ms=2), 100, "late"),
        (Ceiling(20_000, 400, 200), sent(), 100, "measured 200 requests/s of a server"),
    ],
)
def test_a_generator_that_is_the_bottleneck_says_so(tried, load, asked, reason) -> None:
    assert reason in checked(tried, [load], asked).bottleneck


def test_a_generator_made_slow_notices_it_by_itself(generator) -> None:
    """Ten times what it can do is due: it is late and busy, whatever the machine."""
    tried = ceiling(generator)
    with echo() as url:
        load = schedule([GET], 10 * tried.rate, 0.05, Random(1), "constant")
        found = generator.open_loop(url, load)
    assert checked(tried, [found], asked=10 * tried.rate).bottleneck


def test_quantiles_lie_between_neighbours() -> None:
    assert quantile([], 0.5) == 0
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2
    assert quantile([0.0, 10.0], 0.25) == 2.5
    assert quantile([1.0, float("inf")], 0.0) == 1
