"""The measuring floor under the lab: no hang, no jump of a clock, nothing that passes for CPU."""

import ast
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

import unslow
from tests.target.applications import wsgi
from unslow.errors import UsageError
from unslow.lab.compare import Options, commands, compare, started_by
from unslow.lab.prove import schedule
from unslow.lab.prove._ratios import metric_of, unseen
from unslow.lab.prove.schedule import Arm, ArmFailed, LaunchSet, Share, measure
from unslow.lab.target import Lab, Settings, discover
from unslow.lab.workload import Call, Wanted
from unslow.model import Patch, TextEdit
from unslow.progress import Silent

GET = Call("GET", "/", "GET /")
PLAN = (Share("GET /", (GET,) * 10, 5, (GET,), frozenset({"A", "B"})),)
TEXT = """
import itertools, os, time
numbers = itertools.count()

def application(environ, start_response):
    if environ["PATH_INFO"] == "/" and next(numbers) == 5:
        pass
    sum(range(50_000))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
"""
JUMPS = """
import itertools, time
real, jumps = time.time, itertools.count()
time.time = lambda: real() + 86_400 * (-1) ** next(jumps)
"""
WALL_CLOCKS = frozenset({"time", "time_ns", "now", "utcnow", "today"})
DATES = frozenset({"_cache_calls.py", "_journal.py", "_literals.py", "_seen.py"})


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(wsgi(tmp_path, text=TEXT), Silent()) as lab:
        yield lab


def measured(lab: Lab, text: str = "pass", left_s: float = 60.0) -> LaunchSet:
    """A launch set of the application, and of one that does `text` at its sixth request."""
    start = TEXT.index("pass")
    patch = Patch("by-hand", "", "review", (TextEdit("app.py", start, start + 4, text),))
    arms = [Arm("A", lab.tree()), Arm("B", lab.tree([patch]))]
    return measure(
        lab,
        arms,
        PLAN,
        Random(0),
        sign_in=None,
        progress=Silent(),
        seconds_left=lambda: left_s,
    )


def test_cpu_is_the_metric_where_all_of_it_is_seen(lab: Lab) -> None:
    found = measured(lab)
    assert metric_of([found]) == "cpu"
    assert found.samples["A"]["GET /"].requests == 10


def test_a_clock_that_jumps_in_the_application_changes_no_duration(lab: Lab) -> None:
    found = measured(lab, f"exec({JUMPS!r}, globals())").samples["B"]["GET /"]
    every = [value for row in (*found.cpu_ms, *found.wall_ms) for value in row]
    assert len(every) == 20
    assert all(0 < value < 60_000 for value in every)


def test_the_recorder_measures_durations_by_a_clock_that_does_not_jump(tmp_path: Path) -> None:
    with Lab(wsgi(tmp_path, text=JUMPS + TEXT), Silent()) as lab:
        running = lab.launch(lab.tree(), "A", record="full")
        client = schedule.Client(running.base_url)
        ids = [f"r{number}" for number in range(4)]
        for request_id in ids:
            client.send(GET, request_id)
        client.close()
        recorded = running.drain(ids, 30.0)
        assert [one.id for one in recorded] == ids
        assert all(0 < one.duration_ms < 60_000 for one in recorded)
        assert all(0 < one.cpu_ms < 60_000 for one in recorded)


def test_durations_come_from_clocks_that_do_not_jump() -> None:
    """`time.time()` and `datetime.now()` only say when something was, never how long it took."""
    found = []
    package = Path(unslow.__file__).parent
    for part in ("lab", "observe"):
        for path in sorted((package / part).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if (
                    isinstance(node, ast.BinOp)
                    and isinstance(node.op, ast.Add | ast.Sub)
                    and any(map(_reads_wall_clock, (node.left, node.right)))
                    and path.name not in DATES
                ):
                    found.append(f"{path.relative_to(package)}:{node.lineno}")
    assert not found


def _reads_wall_clock(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in WALL_CLOCKS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("time", "datetime", "date")
    )


def test_an_arm_that_hangs_midway_has_failed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "TIMEOUT_S", 3.0)
    with pytest.raises(ArmFailed, match="no answer within 3 s") as failed:
        measured(lab, "time.sleep(3600)")
    assert failed.value.arm == "B"


def test_an_arm_that_ends_midway_has_failed(lab: Lab) -> None:
    with pytest.raises(ArmFailed) as failed:
        measured(lab, "os.kill(os.getppid(), 9) or os._exit(3)")
    assert failed.value.arm == "B"


def test_nothing_more_is_asked_when_the_time_is_long_over(lab: Lab) -> None:
    found = measured(lab, left_s=-schedule.OVERTIME_S - 1)
    assert not found.samples["A"]


def test_wall_time_is_the_metric_where_the_kernel_counts_no_cpu(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(clock: int) -> int:
        raise OSError

    monkeypatch.setattr("time.clock_gettime_ns", refused)
    found = measured(lab)
    assert metric_of([found]) == "wall"
    assert "kernel" in unseen([found])


FLASK = """
import flask
app = flask.Flask(__name__)

@app.get("/books")
def books():
    return {"books": BOOKS, "total": sum(range(COST))}
"""


def test_two_commands_start_two_versions(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(FLASK.replace("BOOKS", "3").replace("COST", "1000"))
    (tmp_path / "b.py").write_text(FLASK.replace("BOOKS", "4").replace("COST", "1000"))
    found = commands("gunicorn a:app", "gunicorn --threads 2 b:app")
    assert found is not None
    target = discover(None, found[0], cwd=tmp_path, settings=Settings())
    options = Options(Wanted(), budget_s=30.0)
    comparison = compare(target, started_by(*found), options, Silent()).comparison
    assert comparison is not None
    assert (comparison.base, comparison.candidate) == (
        "gunicorn a:app",
        "gunicorn --threads 2 b:app",
    )
    assert comparison.verdict.verdict == "different"
    assert "books: 3 -> 4" in comparison.verdict.reason


def test_a_command_is_compared_with_a_command() -> None:
    assert commands("main", "feature") is None
    with pytest.raises(UsageError, match="compare it with another command"):
        commands("gunicorn a:app", "feature")
