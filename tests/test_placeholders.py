import pytest

from unslow.observe._placeholders import filled, numbered


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT '%s', \"a%s\" FROM t",
        "SELECT a FROM t -- %s\n",
        "SELECT /* %s */ a FROM t",
        "SELECT $x$ %s $x$",
        "SELECT a::text FROM t WHERE b ? 'key'",
        "SELECT a % 2 FROM t",
    ],
)
def test_nothing_is_replaced_outside_of_placeholders(sql):
    assert numbered(sql) == sql


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("a = %s AND b = %s", "a = $1 AND b = $2"),
        ("a = %(x)s AND b = %(x)s", "a = $1 AND b = $2"),
        ("a = $2 AND b = $1", "a = $2 AND b = $1"),
        ("a = :x AND b = :y::int", "a = $1 AND b = $2::int"),
        ("a = ? AND b IN (?, ?) LIMIT ?", "a = $1 AND b IN ($2, $3) LIMIT $4"),
        ("a = %s AND b LIKE '50%%'", "a = $1 AND b LIKE '50%'"),
    ],
)
def test_each_style_is_numbered(sql, expected):
    assert numbered(f"SELECT a FROM t WHERE {sql}") == f"SELECT a FROM t WHERE {expected}"


def test_values_take_the_places():
    assert filled("SELECT a FROM t WHERE b = %s AND c = %s", ["'x'", "2"]) == (
        "SELECT a FROM t WHERE b = 'x' AND c = 2"
    )
    assert filled("SELECT $2, $1, $2", ["1", "'b'"]) == "SELECT 'b', 1, 'b'"


def test_a_negative_value_never_makes_a_comment():
    assert filled("SELECT a FROM t WHERE b > c -%s", ["-5"]) == "SELECT a FROM t WHERE b > c -(-5)"


def test_a_value_that_looks_like_a_placeholder_stays_a_value():
    assert filled("SELECT %s, %s", ["'%s $1'", "2"]) == "SELECT '%s $1', 2"


@pytest.mark.parametrize("parameters", [None, [], ["1", "2"]])
def test_nothing_when_the_values_do_not_match(parameters):
    assert filled("SELECT %s", parameters) is None
