"""Statements that differ only in values share a shape; different statements do not."""

import pytest

from unslow.observe._shape import fingerprint, kind, shape


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT "T3"."x1", t1.c2 FROM t1',
        "SELECT a->'b'::text IS NULL FROM t WHERE x IS TRUE".replace("'b'", "b"),
        'SELECT "it\'s -- quoted %s 1" FROM t',
    ],
)
def test_names_stay(sql):
    assert shape(sql) == sql


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM t WHERE a = 1 AND b = -2.5e3", "SELECT * FROM t WHERE a = ? AND b = -?"),
        ("SELECT 'it''s', E'a\\'b', $$x$$, $a$y$a$", "SELECT ?, ?, ?, ?"),
        ("SELECT %s, %(name)s, $1, :name, ?", "SELECT ?, ?, ?, ?, ?"),
        ("SELECT a::int, $1::VARCHAR", "SELECT a::int, ?::VARCHAR"),
        ("SELECT 1 -- why\n  FROM t /* here */ WHERE\tx", "SELECT ? FROM t WHERE x"),
        ("SELECT a FROM t WHERE b IN (1, 2, 3)", "SELECT a FROM t WHERE b IN (?)"),
        ("SELECT a FROM t WHERE b IN ($1::INTEGER, $2::INTEGER)", "SELECT a FROM t WHERE b IN (?)"),
        ("SELECT a WHERE (b, c) IN ((%s, %s), (%s, %s))", "SELECT a WHERE (b, c) IN ((?, ?))"),
        ("SELECT ARRAY[1, 2]", "SELECT ARRAY[?]"),
        ("INSERT INTO t VALUES (%s, now()), (%s, now())", "INSERT INTO t VALUES (?, now())"),
        ('SAVEPOINT "s140_x1"', "SAVEPOINT ?"),
        ("RELEASE SAVEPOINT sa_savepoint_3", "RELEASE SAVEPOINT ?"),
        ("ROLLBACK TO SAVEPOINT sa_savepoint_3", "ROLLBACK TO SAVEPOINT ?"),
        (
            'DECLARE "_django_curs_1" NO SCROLL CURSOR FOR SELECT a',
            "DECLARE ? NO SCROLL CURSOR FOR SELECT a",
        ),
        ("SELECT a ?| array['x'], b @> '{}'", "SELECT a ?| array[?], b @> ?"),
        ("SELECT 1;", "SELECT ?"),
    ],
)
def test_values_are_folded(sql, expected):
    assert shape(sql) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE c = 1"),
        ("SELECT a FROM t ORDER BY a", "SELECT a FROM t ORDER BY a DESC"),
        ("SELECT a FROM t1", "SELECT a FROM t2"),
        ("SELECT a WHERE b IN (1)", "SELECT a WHERE b IN (SELECT 1)"),
        ("SELECT a WHERE b IS TRUE", "SELECT a WHERE b IS FALSE"),
    ],
)
def test_different_statements_differ(one, other):
    assert fingerprint(shape(one)) != fingerprint(shape(other))


def test_a_shape_is_its_own_shape():
    once = shape("INSERT INTO t (a) VALUES (%s), (%s)")
    assert shape(once) == once


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", "select"),
        ("(SELECT 1) UNION (SELECT 2)", "select"),
        ("WITH x AS (SELECT 1) SELECT * FROM x FOR UPDATE", "select"),
        ("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", "delete"),
        ("INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET a = 1", "insert"),
        ("update t set a = 1", "update"),
        ("BEGIN", "other"),
    ],
)
def test_kinds(sql, expected):
    assert kind(shape(sql)) == expected


@pytest.mark.parametrize(
    "end",
    ["'secret", "E'it\\'s secret", "E'secret\\", '"secret', "`secret", "$$secret", "/* secret"],
)
def test_a_value_that_is_cut_off_is_folded_too(end):
    assert "secret" not in shape(f"SELECT a FROM t WHERE b = {end}")


def test_a_statement_too_long_to_be_folded_whole_shows_no_part_of_a_value():
    rows = ", ".join(f"({number}, '{'secret ' * 40}')" for number in range(1000))
    assert "secret" not in shape(f"INSERT INTO t VALUES {rows}")
