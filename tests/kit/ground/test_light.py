"""What the light level keeps of a request, and what it lets go."""

import tracemalloc

import pytest

from tests.kit.ground.test_embedded import run
from unslow.observe import _record


@pytest.fixture
def record(monkeypatch) -> _record.RequestRecord:
    monkeypatch.setattr(_record, "_level", "light")
    monkeypatch.setattr(_record, "detailed", False)
    return _record.RequestRecord("", "GET", "/", threaded=True)


def test_statements_are_written_out_when_they_are_asked_for(record) -> None:
    record.note("SELECT 1", "default", record.started, record.started + 0.25)
    assert record.query_count == 1
    assert [(query["shape"], query["duration_ms"]) for query in record.queries] == [
        ("SELECT ?", pytest.approx(250))
    ]
    record.note("SELECT 2", "default", record.started, record.started)
    assert record.query_count == len(record.queries) == 2


def test_a_short_statement_early_in_a_request_has_no_site(record) -> None:
    record.note("SELECT 1", "default", record.started, record.started + 0.0005)
    assert record.slowest_site is None


def test_the_slowest_statement_has_a_site(tmp_path) -> None:
    seen = run(
        tmp_path,
        """
_embedded.start()
with _embedded.recording("TEST", "name") as record:
    for duration in (0.02, 0.05, 0.03):
        record.note(f"SELECT {duration}", "default", 1.0, 1.0 + duration)
print(json.dumps([record.slowest[0], record.slowest_site["line"], record.slowest_site["path"],
    [len(query["stack"]) for query in record.queries]]))
""",
    )
    assert seen == ["SELECT 0.05", 8, str(tmp_path / "program.py"), [0, 1, 0]]


def test_a_short_statement_late_in_a_request_has_one(tmp_path) -> None:
    seen = run(
        tmp_path,
        """
_embedded.start()
with _embedded.recording("TEST", "name") as record:
    record.note("SELECT 1", "default", record.started + 0.2, record.started + 0.201)
print(json.dumps(record.slowest_site["line"]))
""",
    )
    assert seen == 7


def test_a_million_statements_are_counted_and_few_are_kept(record) -> None:
    for _ in range(900_000):
        record.note("SELECT 1", "default", 0.0, 0.5)
    tracemalloc.start()
    try:
        for number in range(100_000):
            record.note(f"SELECT {number}", "default", 0.0, 0.5)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert record.query_count == 1_000_000
    assert len(record.queries) == _record.MOST_KEPT
    assert record.dropped_s == 0.5 * record.dropped
    assert grown < 100_000


def test_a_million_calls_of_a_cache_are_counted_and_few_are_kept(record) -> None:
    for number in range(1_000_000):
        record.add("cache_calls", number)
    assert len(record.parts["cache_calls"]) == _record.MOST_KEPT
    assert record.dropped_parts == 1_000_000 - _record.MOST_KEPT


def test_the_full_level_keeps_no_more(record, monkeypatch) -> None:
    monkeypatch.setattr(_record, "detailed", True)
    monkeypatch.setattr(_record, "_current", _record.ContextVar("current", default=record))
    for _ in range(_record.MOST_KEPT + 5):
        _record.add_query(
            sql="SELECT 1", parameters=None, started=0.0, duration=0.1, rows=None, database=""
        )
    assert record.query_count == _record.MOST_KEPT + 5
    assert len(record.queries) == _record.MOST_KEPT


def test_requests_that_ended_leave_nothing_behind(record) -> None:
    def requests(count: int) -> None:
        for number in range(count):
            one = _record.RequestRecord("", "GET", f"/missing/{number}", threaded=True)
            before = _record.begin(one)
            one.note("SELECT 1", "default", 0.0, 0.1)
            one.finish()
            _record.leave(before)

    requests(100)
    tracemalloc.start()
    try:
        requests(20_000)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 20_000


def test_sqlalchemy_s_statements_are_noted_once_each_and_not_its_handshake(tmp_path) -> None:
    seen = run(
        tmp_path,
        """
_embedded.start()
import sqlalchemy
from sqlalchemy import text
engine = sqlalchemy.create_engine("sqlite:///file.db")
with _embedded.recording("TEST", "name") as record:
    with engine.begin() as held:
        held.execute(text("CREATE TABLE items (id int)"))
        held.execute(text("INSERT INTO items VALUES (:id)"), [{"id": 1}, {"id": 2}])
        held.execute(text("SELECT id FROM items WHERE id = :id"), {"id": 1}).all()
        try:
            held.execute(text("SELECT none"))
        except sqlalchemy.exc.OperationalError:
            pass
print(json.dumps([[query["shape"] for query in record.queries], record.queries[0]["database"],
    len(record.parts["connections"]), _wire.errors()]))
""",
    )
    assert seen == [
        [
            "CREATE TABLE items (id int)",
            "INSERT INTO items VALUES (?)",
            "SELECT id FROM items WHERE id = ?",
            "SELECT none",
        ],
        "file.db",
        1,
        0,
    ]
