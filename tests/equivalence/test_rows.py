"""The first row in which two databases differ: named by its key, shown only where harmless."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
import pytest

from unslow.demo.postgres import Postgres
from unslow.lab.prove import _rows
from unslow.lab.target import Database

ROWS = 60
TABLE = (
    "CREATE TABLE sale (id {key} PRIMARY KEY, state TEXT, buyer TEXT, paid BOOLEAN, at TEXT, n INT)"
)
Change = Sequence[str]
Sentence = Callable[..., str]


def fill(at: str = "2026-11-22T10:00:00") -> list[tuple[object, ...]]:
    return [
        (n, "open" if n % 3 else "sent", f"b{n}@x.example", n % 2 == 0, at, n)
        for n in range(1, ROWS + 1)
    ]


def sqlite_copy(folder: Path, name: str, changes: Change, key: str) -> Database:
    path = folder / f"{name}.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute(TABLE.format(key=key))
        connection.executemany("INSERT INTO sale VALUES (?, ?, ?, ?, ?, ?)", fill())
        for change in changes:
            connection.execute(change)
    return Database("sqlite", str(path), name, "shop")


def postgres_copy(server: Postgres, name: str, changes: Change, key: str) -> Database:
    dsn = server.create(name)
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(TABLE.format(key=key).encode())
        cursor.executemany("INSERT INTO sale VALUES (%s, %s, %s, %s, %s, %s)", fill())
        for change in changes:
            cursor.execute(change.encode())
    return Database("postgresql", dsn, name, "shop")


@pytest.fixture(params=["postgresql", "sqlite"])
def sentence(request: pytest.FixtureRequest, tmp_path: Path) -> Sentence:
    """What is said of two copies, the second after some changes."""

    def sentence(
        *changes: str, key: str = "INTEGER", moving: bool = False, columns: Change | None = None
    ) -> str:
        name = f"r{abs(hash((tmp_path, changes, moving)))}"
        copies = [
            sqlite_copy(tmp_path, f"{name}{side}", made, key)
            if request.param == "sqlite"
            else postgres_copy(request.getfixturevalue("postgres"), f"{name}{side}", made, key)
            for side, made in (("a", ()), ("b", changes))
        ]
        table = "sale" if request.param == "sqlite" else "public.sale"
        return _rows.first_difference(
            copies[:1],
            copies[1:],
            lambda databases: (databases[0], table),
            columns,
            moving=moving,
        )

    return sentence


def test_silent_when_the_rows_are_equal(sentence: Sentence) -> None:
    assert sentence() == ""


def test_silent_when_only_another_column_differs(sentence: Sentence) -> None:
    assert sentence("UPDATE sale SET at = 'x' WHERE id = 3", columns=("state", "n")) == ""


def test_silent_when_a_table_that_follows_the_clock_differs_by_its_times(
    sentence: Sentence,
) -> None:
    assert sentence("UPDATE sale SET at = '2026-11-22T10:04:00'", moving=True) == ""
    assert sentence("UPDATE sale SET at = '2001-01-01T10:04:00'", moving=True) != ""


def test_a_state_is_shown(sentence: Sentence) -> None:
    found = sentence("UPDATE sale SET state = 'sent' WHERE id = 17")
    assert found == "sale id 17: state 'open' -> 'sent'"


def test_the_first_row_is_the_one_that_is_named(sentence: Sentence) -> None:
    assert sentence("UPDATE sale SET n = 0 WHERE id > 2").startswith(("sale id 3:", "sale id 10:"))


def test_personal_values_and_amounts_are_not_shown(sentence: Sentence) -> None:
    found = sentence("UPDATE sale SET buyer = 'eve@x.example' WHERE id = 17")
    assert found == "sale id 17: buyer differs"
    assert sentence("UPDATE sale SET n = 18 WHERE id = 17") == "sale id 17: n differs"
    assert sentence("UPDATE sale SET buyer = NULL WHERE id = 17") == (
        "sale id 17: buyer a value -> NULL"
    )


def test_rows_more_and_missing_are_named(sentence: Sentence) -> None:
    assert sentence("DELETE FROM sale WHERE id = 17") == "sale id 17: the row is missing"
    assert sentence("INSERT INTO sale (id) VALUES (99)") == "sale id 99: a row more"


def test_a_key_of_text_is_not_shown(sentence: Sentence) -> None:
    found = sentence("UPDATE sale SET id = 'ada@x.example' WHERE id = '17'", key="TEXT")
    assert "ada" not in found
    assert found.startswith("sale")


def test_a_large_table_is_compared_in_parts(sentence: Sentence, monkeypatch) -> None:
    monkeypatch.setattr(_rows, "ROWS_PER_PART", 4)
    found = sentence("UPDATE sale SET state = 'sent' WHERE id = 17")
    assert found == "sale id 17: state 'open' -> 'sent'"
