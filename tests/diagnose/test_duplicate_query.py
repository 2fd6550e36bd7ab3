import pytest
from msgspec.structs import replace

from tests.builders import link, load, origin, query, request, site, trace
from unslow.lab.diagnose.duplicate_query import find

SETTINGS = "SELECT * FROM settings WHERE id = %s"
USE = "shop/views.py:15:20 dashboard"
OTHER = "shop/views.py:30:8 footer"
MIDDLEWARE = "shop/middleware.py:9:15 Timing.__call__"
ORDERS = origin("shop.Order", link("all", "shop/views.py:12"))


def asked(sql=SETTINGS, *stack, values="7", **fields):
    return query(sql, *(stack or (USE,)), values=values, **fields)


def findings(*queries):
    return list(find(trace(request("GET", "dashboard/", *queries))))


def test_silent_when_the_values_differ():
    assert findings(asked(values="7"), asked(values="8")) == []


def test_silent_when_each_request_asks_once():
    assert list(find(trace(*(request("GET", "a/", asked()) for _ in range(9))))) == []


def test_silent_when_the_table_is_written_in_between():
    write = query("UPDATE settings SET theme = %s", USE)
    assert findings(asked(), write, asked()) == []


def test_silent_when_a_statement_that_cannot_be_parsed_writes_in_between():
    assert findings(asked(), query("UPDATE ??? SET", USE), asked()) == []
    assert findings(asked(), query("CALL refresh()", USE), asked()) == []


def test_silent_for_writes():
    assert findings(query("INSERT INTO audit VALUES (%s)", USE, values="7").same(2)) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT now() AT TIME ZONE 'utc'",
        "SELECT random() FROM settings",
        "SELECT nextval('seq') FROM settings",
        "SELECT pg_advisory_xact_lock(1) FROM settings",
        "SELECT * FROM settings WHERE id = %s FOR UPDATE",
        "SAVEPOINT s",
    ],
)
def test_silent_for_questions_whose_answer_may_change(sql):
    assert findings(asked(sql).same(3)) == []


def test_silent_outside_the_application():
    assert findings(query(SETTINGS, values="7").same(3)) == []


def test_silent_for_what_middleware_of_a_library_asks():
    session = query("SELECT * FROM django_session WHERE key = %s", MIDDLEWARE, values="k")
    assert findings(session.same(2), asked(SETTINGS, USE, MIDDLEWARE)) == []


def test_silent_for_prefetches():
    assert findings(asked(load=load("prefetch", model="shop.Item")).same(2)) == []


def test_silent_for_a_relation_of_rows_that_share_their_target():
    def customer(row):
        relation = load(
            "forward", parent="shop.Order", relation="customer", origin=ORDERS, parent_key=row
        )
        return asked(load=relation)

    assert findings(customer("1"), customer("2"), customer("3")) == []


def test_silent_for_a_relation_of_related_rows_that_may_be_one_row_twice():
    nested = origin("shop.Order", *ORDERS.links, path=["customer"])
    company = load("forward", parent="shop.Customer", relation="company", origin=nested)
    assert findings(asked(load=company).same(2)) == []


def test_silent_for_equal_rows_within_a_repeated_query():
    relation = load("reverse", parent="shop.Order", relation="items", origin=ORDERS)
    items = query("SELECT * FROM item WHERE order_id = %s", USE, load=relation, values="7") * 10
    assert findings(items, items) == []


def test_silent_while_polling():
    polled = request("GET", "job/", asked(ms=1.0).same(3))(0)
    spread = tuple(replace(one, start_ms=n * 200.0) for n, one in enumerate(polled.queries))
    assert list(find(trace(lambda number: replace(polled, queries=spread)))) == []


def test_fires_on_one_expression_asked_twice():
    [found] = findings(asked(ms=4.0).same(3))
    assert found.id == "duplicate-query"
    assert found.title == (
        "GET dashboard/ runs one query 3 times with equal values (shop/views.py:15 in dashboard)"
    )
    assert found.cause == site(USE)
    assert found.cost.queries_per_request == 2
    assert found.cost.ms_per_request == pytest.approx(8.0)


@pytest.mark.parametrize(
    ("sql", "values", "confidence"),
    [
        (SETTINGS, "7", "certain"),
        ("SELECT count(*) FROM settings", "", "certain"),
        (SETTINGS, "", "likely"),
    ],
)
def test_certain_when_the_values_are_known_to_be_equal(sql, values, confidence):
    [found] = findings(asked(sql, values=values).same(2))
    assert found.confidence == confidence


def test_fires_across_two_expressions():
    [found] = findings(asked(SETTINGS, USE), asked(SETTINGS, OTHER))
    assert (found.cause, found.symptom) == (site(USE), site(OTHER))
    assert found.evidence.loads[0].uses == (site(USE), site(OTHER))


def test_fires_when_another_table_is_written_in_between():
    write = query("UPDATE basket SET total = %s WHERE id = %s", USE)
    assert len(findings(asked(), write, asked())) == 1


def test_fires_on_a_relation_of_one_row_read_twice():
    relation = load("reverse", parent="shop.Order", relation="items", origin=ORDERS)
    items = query("SELECT * FROM item WHERE order_id = %s", USE, load=relation, values="7")
    assert len(findings(items.same(2))) == 1


def test_fires_in_a_template_that_is_rendered_below_a_call():
    render = "shop/views.py:20 page"
    asked_there = asked(SETTINGS, render, through=["page.html:3"])
    below = asked("SELECT * FROM item", "shop/models.py:3 total", render, values="1")
    assert len(findings(asked_there.same(2), below)) == 1


def test_endpoints_that_share_a_cause_are_one_finding():
    seen = trace(request("GET", "a/", asked().same(2)), request("GET", "b/", asked(ms=9.0).same(2)))
    [found] = find(seen)
    assert found.endpoints == ("GET b/", "GET a/")
