"""The calls that are only compared: unusual rows first, pages, and what does not exist."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from unslow.demo.postgres import Postgres
from unslow.lab.workload._sample import Sampler
from unslow.lab.workload.routes import plan_more_writes, plan_wide
from unslow.model import Field, Model, Route, RouteParam

ROWS = 500
TABLE = """
CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL, nickname TEXT, level INTEGER);
"""
CUSTOMER = Model(
    "desk.Customer",
    "django",
    "desk.models",
    "Customer",
    "customer",
    fields=(
        Field("id", "id", "AutoField", primary_key=True),
        Field("name", "name", "CharField"),
        Field("nickname", "nickname", "CharField", null=True),
        Field("level", "level", "IntegerField"),
    ),
)
DETAIL = Route(
    "GET", "customers/<int:pk>/", (RouteParam("pk", "path", "int", model="desk.Customer"),)
)
LIST = Route("GET", "customers/", (RouteParam("page", "query", "integer"),), model="desk.Customer")
CLOSE = Route(
    "POST", "customers/<int:pk>/close/", (RouteParam("pk", "path", "int", model="desk.Customer"),)
)


@dataclass(frozen=True)
class Clone:
    engine: str
    dsn: str


def customers() -> list[tuple[int, str, str | None, int]]:
    """One of five hundred has an empty nickname, one has none, one a level of its own."""
    nickname = {321: "", 123: None}
    return [
        (n, f"customer {n:04}", nickname.get(n, f"nick {n % 40:02}"), -3 if n == 222 else n % 5)
        for n in range(1, ROWS + 1)
    ]


@pytest.fixture(params=["postgresql", "sqlite"])
def clone(request: pytest.FixtureRequest, tmp_path: Path) -> Clone:
    if request.param == "sqlite":
        path = tmp_path / "clone.sqlite3"
        with sqlite3.connect(path) as connection:
            connection.execute(TABLE)
            connection.executemany("INSERT INTO customer VALUES (?, ?, ?, ?)", customers())
        return Clone("sqlite", str(path))
    server: Postgres = request.getfixturevalue("postgres")
    dsn = server.create(f"wide_{tmp_path.name}".lower()[:60])
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(TABLE)
        cursor.executemany("INSERT INTO customer VALUES (%s, %s, %s, %s)", customers())
    return Clone("postgresql", dsn)


def no_source(path: str) -> bytes:
    raise FileNotFoundError(path)


def paths(sampler: Sampler, route: Route, count: int) -> list[str]:
    return [call.path for call in plan_wide(route, sampler, no_source, count)]


def test_rows_with_unusual_values_come_first(clone: Clone) -> None:
    sampler = Sampler([clone], [CUSTOMER], 100, varied=True)
    first = {int(row["id"]) for row in sampler.rows(CUSTOMER)}
    assert len(sampler.rows(CUSTOMER)) == 100
    assert {321, 123, 222, 1, ROWS} <= first


def test_measured_rows_are_what_they_were(clone: Clone) -> None:
    """Those that are measured are taken by their keys alone."""
    plain, wide = Sampler([clone], [CUSTOMER]), Sampler([clone], [CUSTOMER], ROWS)
    assert plain.rows(CUSTOMER) == wide.rows(CUSTOMER)[: len(plain.rows(CUSTOMER))]


def test_every_row_is_asked_for_once_and_one_that_is_not_there(clone: Clone) -> None:
    found = paths(Sampler([clone], [CUSTOMER], 1000, varied=True), DETAIL, 1000)
    assert found[0] == "/customers/2147483647/"
    assert sorted(found[1:]) == sorted(f"/customers/{n}/" for n in range(1, ROWS + 1))


def test_pages_are_turned_and_a_malformed_one_is_asked_for(clone: Clone) -> None:
    found = paths(Sampler([clone], [CUSTOMER], 1000), LIST, 1000)
    assert found[0] == "/customers/?page=unslow-has-no-such-row"
    assert {f"/customers/?page={n}" for n in range(1, 21)} <= set(found)


def test_writes_go_to_other_rows(clone: Clone) -> None:
    sampler = Sampler([clone], [CUSTOMER], 1000, varied=True)
    calls = list(plan_more_writes(CLOSE, sampler, no_source, 20))
    assert len({call.path for call in calls}) == len(calls) == 20
