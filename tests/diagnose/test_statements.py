import pytest

from unslow.lab.diagnose import _statements as statements
from unslow.lab.diagnose._statements import Order


def conditions(where, table="orders o"):
    access = statements.accesses(f"SELECT * FROM {table} WHERE {where}")["o"]
    return {(one.column, one.role, one.value) for one in access.conditions}


def test_nothing_of_what_cannot_be_parsed():
    assert statements.accesses("SELECT FROM WHERE") == {}
    assert statements.tables("PRAGMA foreign_keys(x y)") is None
    assert not statements.is_volatile("EXEC something")


@pytest.mark.parametrize(
    "where",
    [
        "o.a = 1 OR o.b = 2",
        "o.a <> 1",
        "upper(o.a) < 'X'",
        "upper(o.a) = o.b",
        "reverse(o.a) = 'X'",
        "o.a::date = $1",
        "o.a + 1 = 2",
        "o.a LIKE 'x%'",
        "o.a = o.b",
        "NOT (o.a = 1)",
        "o.a = o.b + 1",
    ],
)
def test_no_condition_that_an_index_of_columns_cannot_answer(where):
    assert conditions(where) == set()


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("o.a = %s", ("a", "equality", "$1")),
        ("5 = o.a", ("a", "equality", "5")),
        ("a = 'x'::varchar", ("a", "equality", "'x'")),
        ("o.a IN (%s)", ("a", "equality", "$1")),
        ("o.a IN (%s, %s)", ("a", "list", "")),
        ("o.a = ANY($1)", ("a", "list", "")),
        ("5 > o.a", ("a", "range", "5")),
        ("o.a BETWEEN 1 AND 2", ("a", "range", "")),
        ("o.a IS NULL", ("a", "constant", "")),
        ("NOT o.a", ("a", "constant", "")),
        ("o.a", ("a", "constant", "")),
        ("o.a IN (SELECT x FROM t)", ("a", "join", "")),
        ("o.a = (SELECT 1)", None),
    ],
)
def test_a_condition_on_a_column_alone(where, expected):
    assert conditions(where) == ({expected} if expected else set())


def test_joins_count_on_both_sides():
    found = statements.accesses("SELECT * FROM a JOIN b ON a.x = b.y WHERE a.z = 1")
    assert [(one.column, one.role) for one in found["a"].conditions] == [
        ("z", "equality"),
        ("x", "join"),
    ]
    assert [(one.column, one.role) for one in found["b"].conditions] == [("y", "join")]


def test_a_subquery_that_refers_outside_is_a_join():
    sql = "SELECT EXISTS (SELECT 1 FROM item i WHERE i.order_id = o.id) FROM orders o"
    assert statements.accesses(sql)["i"].conditions[0].role == "join"


def test_an_alias_used_twice_means_nothing():
    sql = "SELECT * FROM a x WHERE x.k = 1 AND EXISTS (SELECT 1 FROM b x WHERE x.k = 2)"
    assert statements.accesses(sql) == {}


def test_an_unqualified_column_of_two_tables_means_nothing():
    found = statements.accesses("SELECT * FROM a, b WHERE k = 1")
    assert all(access.conditions == [] for access in found.values())


@pytest.mark.parametrize(
    ("tail", "order"),
    [
        ("ORDER BY o.a DESC, b", (Order("a", True), Order("b", False))),
        ("ORDER BY 1", (Order("made", False),)),
        ("ORDER BY named", (Order("b", False),)),
        ("ORDER BY 0", ()),
        ("ORDER BY a + 1", ()),
        ("ORDER BY a NULLS FIRST", ()),
        ("GROUP BY a ORDER BY a", ()),
        ("", ()),
    ],
)
def test_the_order_of_one_table(tail, order):
    access = statements.accesses(f"SELECT made, b AS named FROM orders o {tail} LIMIT 5")["o"]
    assert access.order == order
    assert access.limited is bool(order)


def test_distinct_rows_have_no_order_of_a_table():
    assert statements.accesses("SELECT DISTINCT a FROM o ORDER BY a LIMIT 5")["o"].order == ()
