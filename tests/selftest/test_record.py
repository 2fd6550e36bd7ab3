"""Launch sets of a real application: what is recorded, and that only the told arms are slow."""

import math
import sys
from pathlib import Path
from random import Random

import pytest

from tests.selftest.machine import launch_set
from unslow.cli import main
from unslow.errors import UnslowError
from unslow.lab.prove.schedule import AGAIN, BEFORE
from unslow.lab.selftest import DELAYS, Delay, record
from unslow.lab.selftest.delay import HEADER, VARIABLE, Cost, priced
from unslow.lab.selftest.record import affordable
from unslow.lab.target import Lab, Start, Target
from unslow.lab.workload import Call, Client, Workload
from unslow.progress import Silent

ASGI = """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def hello(request):
    return PlainTextResponse(str("unslow.delayed" in request.scope))

app = Starlette(routes=[Route("/", hello), Route("/other", hello)])
"""
WSGI = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str("unslow.delayed" in environ).encode()]
"""
SERVERS = {
    "uvicorn": (ASGI, ("uvicorn", "app:app", "--log-level", "warning"), "asgi"),
    "gunicorn": (WSGI, ("gunicorn", "app:application"), "wsgi"),
}
WORKLOAD = Workload((Call("GET", "/", "GET /"), Call("GET", "/other", "GET other")))


@pytest.fixture(autouse=True)
def state(tmp_path_factory, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(params=SERVERS)
def target(request, tmp_path) -> Target:
    source, command, kind = SERVERS[request.param]
    (tmp_path / "app.py").write_text(source)
    program = str(Path(sys.executable).parent / command[0])
    return Target(tmp_path, (program, *command[1:]), Path(sys.executable), kind)


def test_only_the_arm_that_is_told_to_is_slow(target) -> None:
    """The others do not even look at the cost that every request names."""
    slow = Delay("wait", 0.3)
    call = Call("GET", "/", "GET /", headers={HEADER: Cost(0.0, 1000.0).header})
    with Lab(target, Silent()) as lab:
        plain, told = lab.launch_all(
            [Start(lab.tree(), BEFORE), Start(lab.tree(), slow.arm, env=slow.env)]
        )
        assert Client(plain.base_url).send(call).body == b"False"
        answer = Client(told.base_url).send(call)
        assert answer.body == b"True"
        assert answer.seconds >= 0.3
        bare = Client(told.base_url).send(Call("GET", "/", "GET /"))
        assert bare.body == b"False"


def test_the_first_set_has_no_delays_and_prices_the_others(target) -> None:
    delays = (Delay("cpu", 0.1), Delay("wait", 0.2))
    with Lab(target, Silent()) as lab:
        found = record(
            lab, WORKLOAD, delays, seconds_left=lambda: 1000.0, most_sets=2, progress=Silent()
        )
    assert found.delays == delays
    assert set(found.sets[0].samples) == {BEFORE, AGAIN}
    assert set(found.sets[1].samples) == {BEFORE, AGAIN, "cpu +10%", "wait +20%"}
    assert set(found.endpoints) == {"GET /", "GET other"}
    for one in found.sets:
        for samples in one.samples.values():
            assert set(samples) == {"GET /", "GET other"}
    assert found.metric("wait") == "wall"


def test_too_little_time_says_how_much_a_set_takes(target) -> None:
    left = iter([1000.0] * 4)
    with (
        Lab(target, Silent()) as lab,
        pytest.raises(UnslowError, match="6 are needed; a set takes"),
    ):
        record(lab, WORKLOAD, (), seconds_left=lambda: next(left, 0.0), progress=Silent())


def test_every_call_of_a_measured_endpoint_names_its_cost() -> None:
    calls = priced([*WORKLOAD.calls, Call("GET", "/rest", "GET rest")], {"GET /": Cost(1.5, 2.0)})
    assert [(call.path, call.headers) for call in calls] == [("/", {HEADER: "1500000 2000000"})]


def test_the_variable_is_the_one_that_the_recorder_reads() -> None:
    from unslow.observe import _delay

    assert (VARIABLE, HEADER.lower()) == (_delay.VARIABLE, _delay.HEADER)
    assert Delay("cpu", 0.05).env == {VARIABLE: "cpu:0.05"}


@pytest.mark.parametrize(
    ("seconds", "count"), [(math.inf, 5), (1000.0, 5), (140.0, 3), (60.0, 2), (0.0, 2)]
)
def test_delays_that_leave_no_time_for_enough_launches_are_left_out(seconds, count) -> None:
    first = launch_set(Random(1), 0.01, ())
    assert affordable(DELAYS, first, seconds) == DELAYS[:count]


def test_without_delays_none_is_added() -> None:
    assert affordable((), launch_set(Random(1), 0.01, ()), 1000.0) == ()


def test_the_command_fails_with_the_remedy_when_the_time_does_not_suffice(
    tmp_path, monkeypatch, capsys
) -> None:
    (tmp_path / "app.py").write_text(ASGI)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(["selftest", "app.py", "--time-budget", "4s"])
    assert left.value.code == 1
    assert "allow more with --time-budget" in capsys.readouterr().err


def test_the_shop_and_a_target_exclude_each_other(capsys) -> None:
    with pytest.raises(SystemExit) as left:
        main(["selftest", "app.py", "--demo"])
    assert left.value.code == 2
    assert "exclude each other" in capsys.readouterr().err


def test_a_target_that_is_not_there_is_not_replaced_by_the_shop(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(["selftest", str(tmp_path)])
    assert left.value.code == 2
    assert "No application found" in capsys.readouterr().err
