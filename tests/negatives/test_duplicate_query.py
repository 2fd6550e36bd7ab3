import pytest

from tests.builders import Queries, link, load, origin, query, request, trace
from tests.negatives.cases import cases, found

SETTINGS = "SELECT * FROM settings WHERE id = %s"
ITEMS = "SELECT * FROM item WHERE order_id = %s"
USE = "shop/views.py:15:20 dashboard"
OTHER = "shop/views.py:30:8 footer"
MIDDLEWARE = "shop/middleware.py:9:15 Timing.__call__"
ORDERS = origin("shop.Order", link("all", "shop/views.py:12"))


def asked(sql: str = SETTINGS, *stack: str, values: str = "7", **fields) -> Queries:
    return query(sql, *(stack or (USE,)), values=values, **fields)


def between(*others: Queries, first: Queries | None = None):
    one = first or asked()
    return seen(one, *others, one)


def seen(*queries: Queries):
    return trace(request("GET", "dashboard/", *queries))


def customer(row: str, **fields) -> Queries:
    relation = load(
        "forward",
        parent="shop.Order",
        relation="customer",
        origin=fields.pop("origin", ORDERS),
        parent_key=row,
    )
    return asked("SELECT * FROM customer WHERE id = %s", load=relation, **fields)


CASES = {
    "a row read again after its update": between(query("UPDATE settings SET a = %s", USE)),
    "a row read again after an insert": between(query("INSERT INTO settings VALUES (%s)", USE)),
    "a row read again after a delete": between(query("DELETE FROM settings", USE)),
    "an upsert in between": between(
        query("INSERT INTO settings VALUES (%s) ON CONFLICT (id) DO UPDATE SET a = 1", USE)
    ),
    "a write of a library in between": between(query("UPDATE settings SET a = %s")),
    "a write to a table that is joined": seen(
        asked("SELECT * FROM orders JOIN item ON item.order_id = orders.id WHERE orders.id = %s"),
        query("UPDATE item SET n = %s", USE),
        asked("SELECT * FROM orders JOIN item ON item.order_id = orders.id WHERE orders.id = %s"),
    ),
    "a write to a table of a subquery": seen(
        asked("SELECT * FROM orders WHERE id IN (SELECT order_id FROM item WHERE n = %s)"),
        query("DELETE FROM item WHERE n = %s", USE),
        asked("SELECT * FROM orders WHERE id IN (SELECT order_id FROM item WHERE n = %s)"),
    ),
    "a write by a common table expression": between(
        query("WITH gone AS (DELETE FROM settings RETURNING id) INSERT INTO log SELECT 1", USE)
    ),
    "a stored procedure in between": between(query("CALL refresh()", USE)),
    "a table emptied in between": between(query("TRUNCATE settings", USE)),
    "a copy in between": between(query("COPY settings FROM STDIN", USE)),
    "a statement that nobody can read in between": between(query("UPDATE ??? SET", USE)),
    "another value": seen(asked(values="7"), asked(values="8")),
    "another database": seen(asked(database="default"), asked(database="replica")),
    "another row of the same relation": seen(customer("1"), customer("2")),
    "rows that share their customer": seen(customer("1"), customer("2"), customer("3")),
    "a relation of related rows that may be one": seen(
        customer("1", origin=origin("shop.Item", *ORDERS.links, path=["order"])),
        customer("1", origin=origin("shop.Item", *ORDERS.links, path=["order"])),
    ),
    "the same question in each of many requests": trace(
        *(request("GET", "dashboard/", asked()) for _ in range(9))
    ),
    "locked when it is read again": seen(asked(), asked(SETTINGS + " FOR UPDATE")),
    "locked both times": seen(asked(SETTINGS + " FOR UPDATE").same(2)),
    "a lock by a function": seen(asked("SELECT pg_advisory_xact_lock(%s)").same(2)),
    "the next value of a sequence": seen(asked("SELECT nextval('invoice_seq')").same(3)),
    "a random choice": seen(asked("SELECT * FROM settings ORDER BY random() LIMIT 1").same(3)),
    "a question about the time": seen(asked("SELECT clock_timestamp() FROM settings").same(3)),
    "a question about the connection": seen(asked("SELECT current_setting('x')").same(3)),
    "a ping": seen(asked("SELECT 1").same(4)),
    "the server's version": seen(asked("SELECT version()").same(2)),
    "savepoints": seen(query("SAVEPOINT s", USE).same(4)),
    "transactions": seen((query("BEGIN", USE) + query("COMMIT", USE)).same(3)),
    "equal inserts": seen(query("INSERT INTO log VALUES (%s)", USE, values="7").same(3)),
    "equal updates": seen(query("UPDATE settings SET a = %s", USE, values="7").same(3)),
    "equal prefetches": seen(asked(load=load("prefetch", model="shop.Item")).same(2)),
    "a library's own question": seen(query(SETTINGS, values="7").same(3)),
    "a session read by a library below a middleware": seen(
        query("SELECT * FROM django_session WHERE k = %s", MIDDLEWARE, values="k").same(2),
        asked(SETTINGS, USE, MIDDLEWARE),
    ),
    "the user that a library reads for each layer": seen(
        query("SELECT * FROM auth_user WHERE id = %s", MIDDLEWARE, values="1").same(3),
        asked(SETTINGS, USE, MIDDLEWARE),
    ),
    "the count of a page and its rows": seen(
        asked("SELECT count(*) FROM orders"), asked("SELECT * FROM orders LIMIT 20")
    ),
    "two pages of one list": seen(
        asked("SELECT * FROM orders LIMIT %s OFFSET %s", values="20,0"),
        asked("SELECT * FROM orders LIMIT %s OFFSET %s", values="20,20"),
    ),
    "the rows of a cursor": seen(query("FETCH FORWARD 100 FROM c", USE, values="c").same(5)),
    "one statement with other columns": seen(
        asked("SELECT a FROM settings WHERE id = %s"), asked("SELECT b FROM settings WHERE id = %s")
    ),
    "a notification listened for": seen(query("LISTEN jobs", USE).same(2)),
}


@pytest.mark.parametrize("what", cases(CASES))
def test_silent(what):
    assert found("duplicate-query", what) == []


@pytest.mark.parametrize(
    "what",
    [
        seen(asked().same(2)),
        seen(asked(SETTINGS, USE), asked(SETTINGS, OTHER)),
        between(query("UPDATE basket SET total = %s", USE)),
        between(query("SAVEPOINT s", USE)),
        seen(customer("1").same(2)),
    ],
)
def test_the_slow_form_fires(what):
    assert found("duplicate-query", what)
