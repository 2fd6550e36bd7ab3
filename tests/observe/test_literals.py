"""PostgreSQL reads every literal back as the value that it was made from."""

import datetime
import decimal
import enum
import uuid

import psycopg
import pytest
from psycopg.types.json import Jsonb
from psycopg.types.range import Range

from unslow.observe._literals import LONGEST, literal, literals


class Status(enum.Enum):
    open = "open"


ZONE = datetime.timezone(datetime.timedelta(hours=2))


@pytest.mark.parametrize(
    ("value", "cast", "expected"),
    [
        (None, "text", None),
        (True, "bool", True),
        (-12, "int", -12),
        (1.5, "float8", 1.5),
        (float("inf"), "float8", float("inf")),
        (decimal.Decimal("1.10"), "numeric", decimal.Decimal("1.10")),
        ("it's \\ ü", "text", "it's \\ ü"),
        (b"\x00\xff", "bytea", b"\x00\xff"),
        (datetime.date(2026, 1, 2), "date", datetime.date(2026, 1, 2)),
        (datetime.time(3, 4), "time", datetime.time(3, 4)),
        (datetime.datetime(2026, 1, 2, 3), "timestamp", datetime.datetime(2026, 1, 2, 3)),
        (
            datetime.datetime(2026, 1, 2, 3, tzinfo=ZONE),
            "timestamptz",
            datetime.datetime(2026, 1, 2, 3, tzinfo=ZONE),
        ),
        (datetime.timedelta(days=1, seconds=2), "interval", datetime.timedelta(1, 2)),
        (uuid.UUID(int=7), "uuid", uuid.UUID(int=7)),
        (Status.open, "text", "open"),
        ([1, None, 2], "int[]", [1, None, 2]),
        (["a b", 'c"d', "e\\f"], "text[]", ["a b", 'c"d', "e\\f"]),
        ({"a": [1, "x"]}, "jsonb", {"a": [1, "x"]}),
        (Jsonb(["it's"]), "jsonb", ["it's"]),
        (Range(1, 5), "int4range", Range(1, 5)),
    ],
    ids=repr,
)
def test_a_value_survives(postgres, value, cast, expected):
    with psycopg.connect(postgres.dsn()) as connection:
        assert connection.execute(f"SELECT {literal(value)}::{cast}").fetchone() == (expected,)


def test_named_parameters_come_in_the_order_of_the_statement():
    sql = "SELECT %(b)s, %(a)s, %(b)s"
    assert literals(sql, {"a": 1, "b": "x"}) == ["'x'", "1", "'x'"]


def test_no_parameters_stay_unknown():
    assert literals("SELECT 1", None) is None


def test_long_text_is_cut():
    assert len(literal("x" * (LONGEST + 1))) == LONGEST + 2
