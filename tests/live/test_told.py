"""What the page is told of recorded requests: time counted once, bounded, links that open."""

from pathlib import Path
from random import Random

import msgspec
import pytest

from tests.builders import site
from unslow.errors import UsageError
from unslow.kit import _split as kit_split
from unslow.lab.live import _editor, _seen
from unslow.lab.live._places import Places
from unslow.lab.live._seen import Begun, Seen, State
from unslow.lab.live._split import gaps, split
from unslow.lab.live._told import Teller
from unslow.model import Block, CacheCall, HttpCall, Opened, Query, Request
from unslow.observe._record import RequestRecord


def request(id: str = "1", **fields) -> Request:
    named = {"method": "GET", "path": "/a", "route": "a", "status": 200, "duration_ms": 100.0}
    return Request(id=id, **{**named, **fields})


def query(start: float, ms: float, *places: str) -> Query:
    return Query("SELECT 1", "SELECT ?", "f", start, ms, stack=tuple(site(one) for one in places))


def seen(folder: Path) -> Seen:
    places = Places(folder, _editor.EDITORS["vscode"])
    return Seen(State("command", str(folder)), Teller(places, lambda sql, parameters: None))


def test_time_without_any_call_is_python_and_waiting() -> None:
    found = split(request(cpu_ms=30.0))
    assert (found.database, found.python, found.waiting) == (0, 30, 70)
    assert gaps(request()) == [(0.0, 100.0)]


def test_a_moment_counts_once_and_for_the_database_first() -> None:
    found = split(
        request(
            cpu_ms=500.0,
            queries=(query(0, 20), query(10, 20)),
            connections=(Opened("d", "k", 25, 15),),
            cache_calls=(CacheCall("GET", start_ms=30, duration_ms=20),),
            http_calls=(HttpCall("httpx", "GET", "h", start_ms=45, duration_ms=1000),),
        )
    )
    assert (found.database, found.cache, found.outgoing) == (40, 10, 50)
    assert (found.waiting, found.python) == (0, 0)


@pytest.mark.parametrize("seed", range(50))
def test_the_page_and_the_log_of_slow_requests_divide_time_alike(seed) -> None:
    random = Random(seed)

    def some(**fields: str) -> list[dict[str, object]]:
        starts = [random.uniform(-20, 120) for _ in range(random.randrange(5))]
        return [{**fields, "start_ms": at, "duration_ms": random.uniform(0, 60)} for at in starts]

    record = RequestRecord("1", "GET", "/", threaded=True)
    record.duration_ms, record.cpu_ms = 100.0, random.uniform(0, 150)
    record.queries.extend(some(sql="", shape="", fingerprint=""))
    record.parts["connections"] = some(database="", kind="")
    record.parts["cache_calls"] = some(command="GET")
    record.parts["http_calls"] = some(library="", method="", host="", path="")
    kinds = {
        "queries": Query,
        "connections": Opened,
        "cache_calls": CacheCall,
        "http_calls": HttpCall,
    }
    told = {"queries": record.queries, **record.parts}
    parts = {name: msgspec.convert(told[name], tuple[kind, ...]) for name, kind in kinds.items()}
    ours = split(request(cpu_ms=record.cpu_ms, **parts))
    assert kit_split.split(record) == pytest.approx(
        (ours.database, ours.cache, ours.outgoing, ours.python, ours.waiting)
    )


def test_gaps_lie_between_the_calls() -> None:
    calls = request(queries=(query(10, 10), query(15, 10), query(50, 10)))
    assert gaps(calls) == [(0.0, 10), (25, 50), (60, 100.0)]


def test_few_runs_are_no_repeats_and_other_places_are_others(tmp_path) -> None:
    teller = Teller(Places(tmp_path, "x://{path}"), lambda sql, parameters: None)
    apart = [query(n, 1, f"a.py:{n + 1} f") for n in range(9)]
    together = [query(n, 1, "a.py:3 f") for n in range(4)]
    assert teller.row(request(queries=(*apart, *together)), 0).repeated == 5
    assert teller.row(request(queries=tuple(apart)), 0).repeated == 0
    lanes = teller.detail(request(queries=tuple(apart)), 0).lanes
    assert [lane.repeated for lane in lanes] == [False] * 10


def test_short_stops_of_the_loop_are_not_drawn(tmp_path) -> None:
    teller = Teller(Places(tmp_path, "x://{path}"), lambda sql, parameters: None)
    blocked = request(blocks=(Block(0, 2, 0, "a.b"), Block(5, 30, 30, "time.sleep")))
    waits = [lane for lane in teller.detail(blocked, 0).lanes if lane.category == "waiting"]
    assert [(lane.ms, lane.through) for lane in waits] == [(30, "in time.sleep")]


def test_long_requests_are_cut_and_the_rest_is_counted(tmp_path) -> None:
    teller = Teller(Places(tmp_path, "x://{path}"), lambda sql, parameters: None)
    many = tuple(
        msgspec.structs.replace(query(n / 100, 0.005, f"a.py:{n + 1} f"), shape=f"SELECT {n}")
        for n in range(200)
    )
    detail = teller.detail(request(queries=many), 0)
    assert len(detail.lanes) == 80
    assert detail.hidden == 121
    often = tuple(query(n / 10, 0.05, "a.py:1 f") for n in range(1000))
    (lane,) = (one for one in teller.detail(request(queries=often), 0).lanes if one.repeated)
    assert (lane.count, len(lane.bars)) == (1000, 300)
    assert lane.bars[-1][0] > 99
    assert sum(ms for _, ms in lane.bars) == pytest.approx(50, abs=1)


def test_what_is_kept_is_bounded(tmp_path) -> None:
    kept = seen(tmp_path)
    for number in range(_seen.MOST_REQUESTS + 7):
        kept.began(Begun(str(number), 0.0, "GET", "/"))
        kept.ended(request(str(number), queries=(query(1, 1),)))
    assert len(kept.requests()) == _seen.MOST_REQUESTS
    assert kept.request("3") is None
    heavy = (query(1, 1),) * (_seen.MOST_QUERIES // 2 + 1)
    kept.ended(request("x", queries=heavy))
    kept.ended(request("y", queries=heavy))
    assert [one.id for one in kept.requests()] == ["y"]
    for number in range(2 * _seen.MOST_OPEN):
        kept.began(Begun(str(number), 0.0, "GET", "/"))
    first = next(kept.follow(0.0))
    assert first.count(b'"method":"GET"') == _seen.MOST_OPEN + 1


def test_a_page_that_lags_behind_is_told_everything_anew(tmp_path) -> None:
    kept = seen(tmp_path)
    events = kept.follow(0.0)
    assert next(events).startswith(b"event: snapshot\n")
    kept.ended(request("1"))
    assert next(events).startswith(b"event: request\n")
    assert next(events) == b""
    for _ in range(_seen.MOST_EVENTS + 1):
        kept.ended(request("1"))
    assert next(events).startswith(b"event: snapshot\n")
    kept.close()
    assert list(events) == []


def test_what_a_page_may_lag_behind_is_bounded_in_bytes(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(_seen, "MOST_EVENT_BYTES", 10_000)
    kept = seen(tmp_path)
    events = kept.follow(0.0)
    next(events)
    for number in range(100):
        kept.changed(analysing=f"{number} " + "x" * 1000)
    assert sum(len(event) for _, event in kept._events) <= 10_000
    assert next(events).startswith(b"event: snapshot\n")
    kept.changed(analysing="x" * 20_000)
    assert next(events).startswith(b"event: snapshot\n")
    kept.changed(analysing="")
    assert next(events).startswith(b"event: state\n")


@pytest.mark.parametrize(
    ("editor", "url"),
    [
        ("vscode", "vscode://file/home/me/a%20b.py:3:7"),
        ("pycharm", "pycharm://open?file=/home/me/a%20b.py&line=3&column=7"),
        ("sublime", "subl://open?url=file:///home/me/a%20b.py&line=3&column=7"),
        ("x://{path}#{line}", "x:///home/me/a%20b.py#3"),
    ],
)
def test_links_open_the_line(editor, url) -> None:
    assert _editor.link(_editor.template(editor), Path("/home/me/a b.py"), 3, 7) == url


@pytest.mark.parametrize(
    "wrong",
    [
        *("vi", "", "x://{file}", "x://{path}{other}", "x://{path}{"),
        *("javascript://{path}", " javascript://{path}", "java\tscript://{path}", "data://{path}"),
    ],
)
def test_other_editors_are_refused(wrong) -> None:
    with pytest.raises(UsageError, match="--editor"):
        _editor.template(wrong)
