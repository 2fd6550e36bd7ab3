"""Traces on disk hold no value of the application's data."""

import pytest

from unslow.errors import UsageError
from unslow.lab import traces
from unslow.model import Plan, PlanNode, Query, Request, Trace


def trace(query: Query | None = None) -> Trace:
    node = PlanNode("Seq Scan", "users", filter="((email)::text = 'bob@example.com'::text)")
    request = Request(
        "1",
        "GET",
        "/users/?token=hunter2",
        "users/",
        500,
        12.5,
        error="KeyError: 'hunter2'",
        queries=(query,) if query else (),
    )
    plan = Plan("f", "SELECT * FROM t WHERE a = 'hunter2' AND b = 4711", 1.0, node)
    return Trace(
        1, "0.1.0", "django", "Django 5", "postgresql 18", (".",), (request,), plans=(plan,)
    )


def secret() -> Query:
    return Query(
        "SELECT * FROM t WHERE a = 'hunter2' AND n1.b = 4711 AND c = $1",
        "SELECT * FROM t WHERE a = ? AND n1.b = ? AND c = ?",
        "f",
        0.0,
        1.0,
        parameters=("'hunter2'",),
        parameters_digest="abc",
    )


def test_sql_without_literals_stays_as_it_is() -> None:
    sql = 'SELECT t1."a2" FROM "t1" WHERE x = $1 AND y = %s'
    assert traces.without_literals(sql) == sql


def test_literals_are_replaced() -> None:
    assert traces.without_literals("a = 'it''s' AND b = -3.5") == "a = '?' AND b = 0"


@pytest.mark.parametrize("name", ["t.json", "t.json.gz"])
def test_a_saved_trace_has_no_value_and_reads_back(name, tmp_path) -> None:
    traces.save(trace(secret()), tmp_path / name)
    loaded = traces.load(tmp_path / name)
    assert loaded == traces.redacted(trace(secret()))
    text = repr(loaded)
    assert "hunter2" not in text
    assert "4711" not in text
    assert "bob@" not in text
    assert loaded.requests[0].queries[0].parameters_digest == "abc"
    assert loaded.requests[0].error == "KeyError"


def test_a_foreign_file_is_not_a_trace(tmp_path) -> None:
    (tmp_path / "x").write_text("[]")
    with pytest.raises(UsageError, match="is not a trace"):
        traces.load(tmp_path / "x")
    with pytest.raises(UsageError, match="cannot be read"):
        traces.load(tmp_path / "missing")
