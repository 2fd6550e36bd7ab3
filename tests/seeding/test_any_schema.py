"""Schemas put together at random: every table of each is filled, and its SQL fills another."""

from random import Random

import psycopg
import pytest

from unslow.lab.seeding import statements
from unslow.lab.target import Database

ROWS = 40
TYPES = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'so "so"');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN third AS int CHECK (VALUE % 3 = 0);
CREATE DOMAIN short AS varchar(8) NOT NULL;
CREATE DOMAIN upper AS short CHECK (VALUE ~ '^[A-Z]+$');
"""
NUMBERS = ("int", "smallint", "bigint", "numeric(7,3)", "numeric", "real", "double precision")
TEXTS = ("varchar(7)", "varchar(200)", "text")
OTHERS = (
    *("char(3)", "bool", "date", "timestamp", "timestamptz(3)", "time", "timetz", "interval"),
    *("uuid", "jsonb", "inet", "bytea", "text[]", "varchar(5)[]", "int[]", "date[]", "uuid[]"),
    *("jsonb[]", "bytea[]", "numeric(4,1)[]", "mood", "mood[]", "pair", "third", "upper", "bit(9)"),
    *("int4range", "numrange", "tstzrange", "daterange", "int8multirange"),
)
ONCE = {*TEXTS, "int", "smallint", "bigint", "numeric(7,3)", "timestamptz(3)", "date", "uuid"}
NAMES = ("name", "email", "code", "status", "price", "age", "created_at", "qty", "url", "year")
KEYS = (
    ("id serial PRIMARY KEY", {"id": "int"}),
    ("id uuid PRIMARY KEY", {"id": "uuid"}),
    ("id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", {"id": "bigint"}),
    ("id varchar(9) PRIMARY KEY", {"id": "varchar(9)"}),
    (
        "k1 int NOT NULL, k2 varchar(6) NOT NULL, PRIMARY KEY (k1, k2)",
        {"k1": "int", "k2": "varchar(6)"},
    ),
)
NUMBER_CHECKS = (
    "{c} >= {n}",
    "{c} BETWEEN {n} AND {n} + 100",
    "{c} < {n}",
    "{c} IN (1, 2, 3)",
    "{c} <> 5",
)
TEXT_CHECKS = (
    "{c} ~ '^[a-z]{{2,5}}$'",
    "length({c}) >= 3",
    "{c} = lower({c})",
    "{c} IN ('a', 'bb')",
    "{c} LIKE 'a%'",
    "{c} !~ '[0-9]'",
    "trim({c}) = {c}",
)


def any_schema(random: Random) -> str:
    parents: dict[str, dict[str, str]] = {}
    made = [TYPES]
    for number in range(random.randint(2, 5)):
        definition, key = random.choice(KEYS)
        parts = [definition]
        if random.random() < 0.3:
            parts.append(refers(random, f"t{number}", key, "own", ""))
        for parent in random.sample(sorted(parents), min(len(parents), random.randint(0, 2))):
            rule = random.choice(["", " NOT NULL"])
            if len(parents[parent]) == 1:
                rule += random.choice(["", "", " UNIQUE"])
            parts.append(refers(random, parent, parents[parent], f"to_{parent}", rule))
        parts += [column(random, place) for place in range(random.randint(1, 9))]
        made.append(f"CREATE TABLE t{number} ({', '.join(parts)});")
        parents[f"t{number}"] = key
    return "\n".join(made)


def refers(random: Random, parent: str, key: dict[str, str], name: str, rule: str) -> str:
    own = [f"{name}_{column}" for column in key]
    columns = [f"{one} {kind}{rule}" for one, kind in zip(own, key.values(), strict=True)]
    how = random.choice(["", " MATCH FULL", " DEFERRABLE INITIALLY DEFERRED"])
    target = f"FOREIGN KEY ({', '.join(own)}) REFERENCES {parent} ({', '.join(key)}){how}"
    return ", ".join([*columns, target])


def column(random: Random, place: int) -> str:
    name = f"{random.choice(NAMES)}{place}"
    kind = random.choice((*NUMBERS, *TEXTS, *OTHERS))
    rules = random.choice(["", " NOT NULL"])
    if kind in ONCE and random.random() < 0.2:
        rules += " UNIQUE"
    elif kind in (*NUMBERS, *TEXTS) and random.random() < 0.5:
        check = random.choice(NUMBER_CHECKS if kind in NUMBERS else TEXT_CHECKS)
        rules += f" CHECK ({check.format(c=name, n=random.randint(-90, 90))})"
    return f"{name} {kind}{rules}"


@pytest.mark.parametrize("number", range(12))
def test_every_table_is_filled_and_the_sql_makes_the_same_rows(schema, number) -> None:
    definition = any_schema(Random(number))
    seeding, other = schema(definition).fill(ROWS, number), schema(definition)
    assert [(one.rows, one.why) for one in seeding.filled] == [(ROWS, "")] * len(seeding.filled)
    rows = statements(Database("postgresql", seeding.dsn, "seeding"), seeding.filled)
    with psycopg.connect(other.dsn, autocommit=True) as connection:
        connection.execute("\n".join(rows).encode())
    for one in seeding.filled:
        query = f"SELECT t::text FROM {one.table.name} t ORDER BY 1"
        assert seeding.all(query) == other.all(query)
