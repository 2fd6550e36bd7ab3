"""The warning for a slow request: when it is written, and what it says."""

import json
import logging

import pytest

from tests.kit.ground.test_embedded import run
from tests.kit.ground.test_middleware import DJANGO
from unslow.errors import UsageError
from unslow.kit import slow_log
from unslow.kit._settings import Settings, read
from unslow.kit._split import split
from unslow.observe import _record

LOG = """
import logging
written = []
class Keep(logging.Handler):
    def emit(self, record):
        written.append(record)
logging.getLogger("unslow").addHandler(Keep())
"""


@pytest.fixture(autouse=True)
def light(monkeypatch) -> None:
    monkeypatch.setattr(_record, "_level", "light")
    monkeypatch.setattr(_record, "detailed", False)


def ended(duration_ms: float, *, cpu_ms: float = 0.0, served: bool = True, route: str = "orders/"):
    record = _record.RequestRecord("", "GET", "/orders/?q=secret", threaded=True, served=served)
    record.route, record.status = route, 200
    record.duration_ms, record.cpu_ms, record.closed = duration_ms, cpu_ms, True
    return record


def statement(record, sql: str, start_ms: float, end_ms: float) -> None:
    record.note(sql, "default", *(record.started + ms / 1000 for ms in (start_ms, end_ms)))


def warned(caplog, settings: Settings, *records) -> list[logging.LogRecord]:
    slow_log.start(settings)
    caplog.clear()
    with caplog.at_level("WARNING", logger="unslow.slow"):
        for record in records:
            _record._tell(_record._finished, record)
    slow_log.stop()
    return [one for one in caplog.records if one.name == "unslow.slow"]


def test_silent_below_the_limit(caplog) -> None:
    assert warned(caplog, Settings(), ended(499.9)) == []


def test_silent_for_what_no_client_asked_for(caplog) -> None:
    assert warned(caplog, Settings(), ended(900, served=False)) == []


def test_a_slow_request_is_a_warning_with_fields(caplog) -> None:
    record = ended(800, cpu_ms=100)
    statement(record, "SELECT name FROM orders WHERE id = 17 AND name = 'secret'", 0, 300)
    record.add("http_calls", {"start_ms": 300.0, "duration_ms": 50.0})
    [written] = warned(caplog, Settings(), record)
    fields = {name: vars(written)[name] for name in slow_log.fields_of(record)}
    site = fields.pop("slowest_query_site")
    assert fields == {
        "method": "GET",
        "route": "orders/",
        "status": 200,
        "duration_ms": 800,
        "database_ms": 300,
        "cache_ms": 0,
        "outgoing_ms": 50,
        "python_ms": 100,
        "waiting_ms": 350,
        "queries": 1,
        "slowest_query": "SELECT name FROM orders WHERE id = ? AND name = ?",
        "slowest_query_ms": 300,
    }
    assert isinstance(site, str)
    assert written.levelname == "WARNING"
    assert written.limit_ms == 500
    assert written.getMessage().startswith(
        "GET orders/ took 800 ms: database 300, cache 0, outgoing 50, python 100, waiting 350; "
        "1 query, the slowest 300 ms: SELECT name FROM orders WHERE id = ? AND name = ?"
    )
    assert "secret" not in json.dumps(vars(written), default=str)


def test_strings_that_mysql_quotes_twice_are_values_too(caplog) -> None:
    record = ended(800)
    statement(record, 'SELECT `name` FROM `orders` WHERE `name` = "secret"', 0, 300)
    [written] = warned(caplog, Settings(), record)
    assert written.slowest_query == "SELECT `name` FROM `orders` WHERE `name` = ?"


def test_a_request_without_a_route_tells_no_path(caplog) -> None:
    [written] = warned(caplog, Settings(), ended(800, route=""))
    assert written.route == "(no route)"
    assert "secret" not in written.getMessage()


@pytest.mark.parametrize(
    ("limits", "count"),
    [
        ({"orders/": 1000}, 0),
        ({"/orders/": 1000}, 0),
        ({"GET /orders/": 1000}, 0),
        ({"POST /orders/": 1000}, 1),
        ({"GET /orders/": 1000, "/orders/": 100}, 0),
        ({"customers/": 10_000}, 1),
    ],
)
def test_a_route_has_its_own_limit(caplog, limits, count) -> None:
    assert len(warned(caplog, Settings(slow_routes=limits), ended(800))) == count


def test_a_limit_below_the_usual_one_counts_too(caplog) -> None:
    settings = Settings(slow_routes={"orders/": 50})
    assert len(warned(caplog, settings, ended(100), ended(100, route="other/"))) == 1


@pytest.mark.parametrize("limit", ["fast", -1, None, True, float("nan")])
def test_a_limit_that_is_no_time_is_refused(limit) -> None:
    with pytest.raises(UsageError, match="give a number of milliseconds"):
        slow_log.start(Settings(slow_routes={"orders/": limit}))


def test_an_unknown_setting_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="'slow_mss'; there are slow_ms"):
        read({"slow_mss": 3})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"debug": None, "continuous": False, "query_log": {"VALUES": True}},
        {"DEBUG": True, "METRICS": False, "SECRET": "", "SLOW_ROUTES": {}},
    ],
)
def test_settings_of_the_right_kind_are_taken(given) -> None:
    read(given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"debug": "False"}, "debug is of type str; give True or False"),
        ({"metrics": "yes"}, "metrics is of type str; give True or False"),
        ({"continuous": 1}, "continuous is of type int; give True or False"),
        ({"secret": b"swordfish"}, "secret is of type bytes; give a string"),
        ({"slow_routes": ["orders/"]}, "slow_routes is of type list; give a dictionary"),
        ({"query_log": "queries.log"}, "query_log is of type str; give True, False or a dict"),
        ({5: 3}, "no setting '5'"),
        (None, "of type NoneType; give a dictionary"),
    ],
)
def test_a_setting_of_another_kind_is_refused_without_its_value(given, told) -> None:
    with pytest.raises(UsageError, match=told) as refused:
        read(given)
    assert "swordfish" not in str(refused.value)


def test_one_query_is_told_in_the_singular(caplog) -> None:
    record = ended(800)
    statement(record, "SELECT 1", 10, 30)
    [written] = warned(caplog, Settings(), record)
    assert "; 1 query, the slowest" in written.getMessage()


def test_overlapping_times_are_counted_once() -> None:
    record = ended(100, cpu_ms=500)
    statement(record, "SELECT 1", 10, 30)
    statement(record, "SELECT 2", 20, 40)
    statement(record, "SELECT 3", 90, 150)  # it ended after the request
    record.add("cache_calls", {"start_ms": 35.0, "duration_ms": 10.0})
    record.add("http_calls", {"start_ms": 0.0, "duration_ms": 60.0})
    assert [round(ms, 6) for ms in split(record)] == [40, 5, 25, 30, 0]
    assert sum(split(record)) == pytest.approx(100)


def test_the_time_of_statements_that_were_not_kept_is_the_database_s(monkeypatch) -> None:
    monkeypatch.setattr(_record, "MOST_KEPT", 1)
    record = ended(100)
    for number in range(3):
        statement(record, "SELECT 1", number * 10, number * 10 + 10)
    assert split(record).database_ms == pytest.approx(30)


def test_the_slowest_statement_is_told_where_it_was_not_kept(monkeypatch) -> None:
    monkeypatch.setattr(_record, "MOST_KEPT", 1)
    record = ended(100)
    statement(record, "SELECT 1", 0, 10)
    statement(record, "DELETE FROM orders", 10, 50)
    assert slow_log.fields_of(record)["slowest_query"] == "DELETE FROM orders"


def test_django_logs_with_the_line_of_the_slowest_statement(tmp_path) -> None:
    seen = run(
        tmp_path,
        LOG
        + DJANGO.replace("MIDDLEWARE=", 'UNSLOW={"SLOW_MS": 0}, MIDDLEWARE=')
        + """
_record.SITE_S = -1.0
Client().get("/items/3/?page=2")
one = written[-1]
print(json.dumps([one.name, one.method, one.route, one.queries, one.slowest_query,
    one.slowest_query_site, one.getMessage()]))
""",
    )
    assert seen[:5] == ["unslow.slow", "GET", "items/<int:number>/", 1, "SELECT ?"]
    assert seen[5].startswith("program.py:")
    assert seen[5].endswith(" in ask")
    assert "page" not in seen[6]
