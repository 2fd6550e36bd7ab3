"""On PostgreSQL the same loads are seen, once each, with the rows that the server returned."""

from typing import Any

import pytest


@pytest.fixture(scope="module")
def on_postgres(run_django: Any, postgres: Any) -> Any:
    return run_django(PROJECT_DSN=postgres.create("observed_django"))


def shapes(seen: Any, path: str) -> list[tuple[str, str, int]]:
    return [
        (query["load"]["kind"], query["load"]["relation"], query["rows"])
        for query in seen.queries(path)
        if query["load"]
    ]


def test_every_statement_is_recorded_once(on_postgres: Any) -> None:
    for path in on_postgres.requests:
        queries = on_postgres.queries(path)
        assert len({query["start_ms"] for query in queries}) == len(queries)
        assert {query["database"] for query in queries} <= {"default"}


@pytest.mark.parametrize(
    "path", ["/forward/", "/reverse_all/", "/many_to_many/", "/prefetch_nested/", "/deferred/"]
)
def test_loads_equal_those_on_sqlite(path: str, on_postgres: Any, django: Any) -> None:
    assert shapes(on_postgres, path) == shapes(django, path)


def test_health_checks_are_not_the_request_s_statements(on_postgres: Any) -> None:
    shapes = {
        query["shape"] for path in on_postgres.requests for query in on_postgres.queries(path)
    }
    assert not any(shape.startswith(("SELECT ?", "SET ")) and "AS" not in shape for shape in shapes)


def test_a_server_side_cursor_is_traced_too(on_postgres: Any, cause_of: Any) -> None:
    first, *lazy = on_postgres.queries("/iterator/")
    assert first["load"]["queryset"]["terminal"] == "iterator"
    assert first["rows"] == 3
    assert len(lazy) == 3
    origin = lazy[0]["load"]["origin"]
    assert cause_of(origin) == "Order.objects.iterator(chunk_size=2)"


def test_parameters_can_be_replayed(on_postgres: Any) -> None:
    [query] = on_postgres.queries("/plain_sql/")
    assert query["parameters"] == ["'open'"]


def test_the_server_is_described(on_postgres: Any) -> None:
    assert on_postgres.answer["describe"]["database"].startswith("postgresql 18")
    assert on_postgres.answer["errors"] == []
