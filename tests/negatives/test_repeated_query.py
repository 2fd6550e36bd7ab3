from dataclasses import replace as changed

import pytest
from msgspec.structs import replace

from tests.builders import Queries, link, load, origin, query, request, trace
from tests.negatives.cases import cases, found

CUSTOMER = "SELECT * FROM customer WHERE id = %s"
ITEMS = "SELECT * FROM item WHERE order_id = %s"
VIEW = "shop/views.py:12:13 list_orders"
USE = "shop/views.py:15:20 list_orders"
ORDERS = origin("shop.Order", link("all", VIEW))

ROWS = load("select", model="shop.Order", queryset=ORDERS)


def asked(sql: str = CUSTOMER, *stack: str, **fields) -> Queries:
    return query(sql, *(stack or (USE,)), **fields)


def relation(kind: str = "forward", name: str = "customer", **fields):
    return load(kind, parent="shop.Order", relation=name, origin=ORDERS, **fields)


def seen(*queries: Queries):
    return trace(request("GET", "orders/", *queries), request("GET", "orders/", *queries))


def with_values(*values: str, sql: str = CUSTOMER, **fields) -> list[Queries]:
    return [asked(sql, values=value, **fields) for value in values]


def on_lines(count: int, sql: str = CUSTOMER) -> list[Queries]:
    return [asked(sql, f"shop/views.py:{20 + n}:8 page", values=str(n)) for n in range(count)]


def spread(one: Queries, gap_ms: float) -> Queries:
    return changed(one, all=tuple(replace(q, start_ms=n * gap_ms) for n, q in enumerate(one.all)))


CASES = {
    "two statuses that the code names": seen(*with_values("open", "paid")),
    "three statuses that the code names": seen(*with_values("open", "paid", "sent")),
    "four weekdays of a constant loop": seen(*with_values("1", "2", "3", "4")),
    "three regions whatever the rows of the page": trace(
        *(
            request(
                "GET",
                "orders/",
                asked("SELECT * FROM orders", VIEW, rows=rows),
                *with_values("north", "south", "west"),
            )
            for rows in (3, 9)
        )
    ),
    "a retry with the same values": seen(asked(values="7").same(6)),
    "one session row asked for by each layer": seen(
        asked("SELECT * FROM django_session WHERE session_key = %s", values="k").same(8)
    ),
    "five statements on five lines": seen(*on_lines(5)),
    "nine statements on nine lines": seen(*on_lines(9)),
    "one helper called from nine places": seen(
        *(
            asked(CUSTOMER, "shop/people.py:3:11 customer", f"shop/views.py:{n}", values=str(n))
            for n in range(9)
        )
    ),
    "each tenant has its own database": seen(
        *(asked(values=str(n), database=f"tenant{n}") for n in range(9))
    ),
    "each shard answers once": seen(
        *(asked(ITEMS, values="7", database=f"shard{n % 3}") for n in range(4))
    ),
    "each tenant has its own schema": seen((query("SET search_path TO t") + asked()) * 9),
    "each tenant has its own schema, for one transaction": seen(
        (query("SET LOCAL search_path TO t") + asked()) * 9
    ),
    "each tenant has its own role": seen((query("SET ROLE t") + asked()) * 9),
    "each tenant has its own database on one connection": seen((query("USE t") + asked()) * 9),
    "rows locked one by one, in order": seen(asked(CUSTOMER + " FOR UPDATE") * 9),
    "rows locked for a share": seen(asked(CUSTOMER + " FOR SHARE") * 9),
    "rows locked where nobody else has": seen(asked(CUSTOMER + " FOR UPDATE SKIP LOCKED") * 9),
    "rows whose keys alone are locked": seen(asked(CUSTOMER + " FOR NO KEY UPDATE") * 9),
    "a queue that takes one job at a time": seen(
        asked("SELECT * FROM job WHERE id > %s LIMIT 1 FOR UPDATE SKIP LOCKED") * 9
    ),
    "get_or_create for each name": seen(
        (asked("SELECT * FROM tag WHERE name = %s") + asked("INSERT INTO tag (name) VALUES (%s)"))
        * 9
    ),
    "update_or_create for each name": seen(
        (asked("SELECT * FROM tag WHERE name = %s") + asked("UPDATE tag SET seen = %s")) * 9
    ),
    "savepoints around rows": seen((query("SAVEPOINT s") + query("RELEASE SAVEPOINT s")) * 9),
    "transactions of their own": seen((query("BEGIN") + query("COMMIT")) * 9),
    "rows inserted one by one are writes": seen(asked("INSERT INTO item VALUES (%s)") * 9),
    "rows updated one by one are writes": seen(asked("UPDATE item SET n = %s") * 9),
    "rows deleted one by one are writes": seen(asked("DELETE FROM item WHERE id = %s") * 9),
    "chunks of a hundred keys": seen(
        asked(f"SELECT * FROM item WHERE id IN ({', '.join(['%s'] * 100)})") * 9
    ),
    "chunks of ten keys": seen(
        asked(f"SELECT * FROM item WHERE id IN ({', '.join(['%s'] * 10)})") * 9
    ),
    "pages of a long result by offset": seen(
        asked("SELECT * FROM item ORDER BY id LIMIT %s OFFSET %s") * 9
    ),
    "pages by an offset that is written out": seen(
        asked("SELECT * FROM item ORDER BY id LIMIT 100 OFFSET 300") * 9
    ),
    "pages of a server-side cursor": seen(query("FETCH FORWARD 100 FROM c", USE) * 9),
    "a cursor opened for each export": seen(
        query("DECLARE c CURSOR FOR SELECT * FROM item", USE) * 9
    ),
    "a prefetch for each of several querysets": seen(
        asked(ITEMS, load=load("prefetch", model="shop.Item")) * 9
    ),
    "an eager load's rows in a relation": seen(
        asked(ITEMS, load=relation("prefetch", "items")) * 9
    ),
    "what the ORM reads for a write": seen(asked(load=load("write", model="shop.Order")) * 9),
    "a relation of one row read again and again": seen(
        asked(ITEMS, load=relation("reverse", "items"), values="7").same(9)
    ),
    "relations of the three newest rows, as the code says": seen(
        asked("SELECT * FROM orders LIMIT 3", VIEW, load=ROWS, rows=3), asked(load=relation()) * 3
    ),
    "relations of the two rows that a condition leaves of nine": seen(
        asked("SELECT * FROM orders", VIEW, load=ROWS, rows=9), asked(load=relation()) * 2
    ),
    "a relation of the one row of a detail page": seen(
        asked("SELECT * FROM orders WHERE id = %s", VIEW, load=ROWS, rows=1), asked(load=relation())
    ),
    "relations of rows that nobody knows the query of": seen(asked(load=relation()) * 4),
    "a library's own queries, without a line of the application": seen(query(CUSTOMER) * 9),
    "a library's own relation, with rows that it made": trace(
        request("GET", "orders/", query(CUSTOMER, load=load("forward")) * 9)
    ),
    "one query in each of many requests": trace(
        *(request("GET", "orders/", asked(values=str(n))) for n in range(9))
    ),
    "two queries in each of many requests": trace(
        *(request("GET", "orders/", *with_values("1", "2")) for _ in range(9))
    ),
    "nine different statements of one line": seen(
        *(asked(f"SELECT c{n} FROM customer WHERE id = %s") for n in range(9))
    ),
    "settings of the connection": seen(query("SET statement_timeout = 5", USE) * 9),
    "a job polled until it is done": seen(
        spread(asked("SELECT state FROM job WHERE id = %s", values="7").same(9), 200.0)
    ),
}


@pytest.mark.parametrize("what", cases(CASES))
def test_silent(what):
    assert found("repeated-query", what) == []


@pytest.mark.parametrize(
    "what",
    [
        seen(asked() * 9),
        seen(asked(load=relation()) * 9),
        seen(asked(ITEMS, load=relation("reverse", "items")) * 9),
    ],
)
def test_the_slow_form_fires(what):
    assert found("repeated-query", what)
