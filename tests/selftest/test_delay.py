"""The known delay: nothing without its variable, exact on the mean with it."""

import asyncio
import threading
import time

import pytest

from unslow.observe import _boundary, _delay

MS = 1_000_000
COST = f"{40 * MS} {50 * MS}"


@pytest.fixture
def told(monkeypatch):
    """Sets the variable and lets the recorder read it; nothing is left behind."""

    def tell(text: str | None) -> None:
        if text is None:
            monkeypatch.delenv(_delay.VARIABLE, raising=False)
        else:
            monkeypatch.setenv(_delay.VARIABLE, text)
        _delay.from_environment()

    yield tell
    monkeypatch.delenv(_delay.VARIABLE, raising=False)
    _delay.from_environment()


@pytest.fixture
def slept(monkeypatch):
    """The sleeps that were asked for, in ms; each takes a tenth of a ms longer than asked."""
    clock = [0]
    found: list[float] = []

    def sleep(seconds: float) -> None:
        found.append(round(seconds * 1e3, 6))
        clock[0] += round(seconds * 1e9) + MS // 10

    async def sleep_async(seconds: float) -> None:
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(asyncio, "sleep", sleep_async)
    monkeypatch.setattr(time, "monotonic_ns", lambda: clock[0])
    return found


def wsgi(cost: str = COST):
    """The environ that the application was given, after one request."""
    seen = []

    def application(environ, start_response):
        seen.append(environ)
        return []

    headers = {"HTTP_X_UNSLOW_COST": cost} if cost else {}
    _boundary.run_wsgi(application, {"PATH_INFO": "/", **headers}, lambda *_: None)
    return seen[0]


def asgi(cost: str = COST):
    seen = []

    async def application(scope, receive, send):
        seen.append(scope)

    headers = [(b"x-unslow-cost", cost.encode())] if cost else []
    scope = {"type": "http", "path": "/", "headers": headers}
    asyncio.run(_boundary.run_asgi(application, scope, None, None))
    return seen[0]


@pytest.mark.parametrize("ask", [wsgi, asgi])
def test_nothing_happens_without_the_variable(told, slept, ask):
    told(None)
    before = time.thread_time_ns()
    seen = ask(f"{10_000 * MS} {10_000 * MS}")
    assert time.thread_time_ns() - before < 2_000 * MS
    assert slept == []
    assert _delay._DELAYED not in seen


@pytest.mark.parametrize("ask", [wsgi, asgi])
@pytest.mark.parametrize("kind", ["cpu", "wait"])
def test_nothing_happens_to_a_request_without_a_cost(told, slept, ask, kind):
    told(f"{kind}:0.5")
    assert _delay._DELAYED not in ask("")
    assert slept == []


@pytest.mark.parametrize("text", ["", "cpu", "disk:0.5", "wait:much"])
def test_an_unknown_instruction_is_no_delay(told, slept, text):
    try:
        told(text)
    except ValueError:
        assert text in ("cpu", "wait:much")
    wsgi()
    assert not _delay.active
    assert slept == []


@pytest.mark.parametrize("cost", ["much", "1", "1 2 3"])
def test_a_cost_that_is_not_understood_is_no_delay(told, slept, cost):
    told("wait:0.5")
    wsgi(cost)
    assert slept == []


@pytest.mark.parametrize("ask", [wsgi, asgi])
def test_a_cpu_delay_is_burnt_on_the_requests_own_thread(told, slept, ask):
    told("cpu:0.5")
    before = time.thread_time_ns()
    ask()
    assert time.thread_time_ns() - before >= 20 * MS
    assert slept == []


def test_a_nested_boundary_delays_once(told, slept):
    told("wait:0.2")
    inner = _boundary.wrap_wsgi(lambda environ, start_response: [])
    environ = {"PATH_INFO": "/", "HTTP_X_UNSLOW_COST": COST}
    _boundary.run_wsgi(inner, environ, lambda *_: None)
    assert slept == [10.0]


@pytest.mark.parametrize("ask", [wsgi, asgi])
def test_sleep_is_owed_until_a_tick_is_due_and_what_overran_is_paid_back(told, slept, ask):
    told("wait:0.01")
    for _ in range(100):
        ask()
    asked = 100 * 0.5
    took = sum(slept) + 0.1 * len(slept)
    assert abs(took - asked) <= 1.1
    if ask is asgi:
        assert all(pause == int(pause) for pause in slept)


def test_other_requests_are_served_while_one_sleeps(told):
    told("wait:1.0")
    order: list[str] = []

    async def application(scope, receive, send):
        order.append(scope["path"])

    async def both() -> None:
        slow = {
            "type": "http",
            "path": "/slow",
            "headers": [(b"x-unslow-cost", f"0 {50 * MS}".encode())],
        }
        quick = {"type": "http", "path": "/quick", "headers": []}
        await asyncio.gather(
            _boundary.run_asgi(application, slow, None, None),
            _boundary.run_asgi(application, quick, None, None),
        )

    asyncio.run(both())
    assert order == ["/quick", "/slow"]


def test_the_delay_runs_where_the_request_does(told):
    told("cpu:0.5")
    burnt: list[int] = []

    def serve() -> None:
        before = time.thread_time_ns()
        wsgi()
        burnt.append(time.thread_time_ns() - before)

    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
    assert burnt[0] >= 20 * MS
