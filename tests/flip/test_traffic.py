from tests.builders import query, request, trace
from unslow.lab.prove import traffic


def seen(*requests, weights=None, recorded=False):
    return traffic(trace(*requests).requests, weights or {}, recorded=recorded)


READ = "SELECT * FROM orders o JOIN customer c ON c.id = o.customer_id WHERE o.total = %s"


def test_what_cannot_be_replayed_is_left_out():
    found = seen(
        request(
            "GET",
            "orders/",
            query("SELECT * FROM orders WHERE id = %s", parameters=None),
            query("SELECT * FROM orders FOR UPDATE", parameters=()),
            query("WITH x AS (DELETE FROM orders RETURNING 1) SELECT * FROM x", parameters=()),
            query("SAVEPOINT a", parameters=()),
            query("SELECT nonsense FROM WHERE", parameters=()),
        )
    )
    assert found.reads == ()


def test_a_read_knows_its_tables_and_stands_in_for_its_round():
    often = query(READ, parameters=("5",)) + query(READ, parameters=("6",))
    found = seen(
        request("GET", "orders/", often),
        request("GET", "orders/", often),
        weights={"GET orders/": 10.0},
    )
    [read] = found.reads
    assert read.tables == {"orders", "customer"}
    assert read.per_round == {"GET orders/": 20.0}
    assert [one.executions for one in found.reads_of("orders", ["GET orders/"])] == [10.0, 10.0]


def test_reads_of_other_endpoints_and_tables_do_not_count():
    found = seen(request("GET", "orders/", query(READ, parameters=("5",))))
    assert found.reads_of("orders", ["GET other/"]) == []
    assert found.reads_of("product", ["GET orders/"]) == []


def test_the_slowest_the_median_and_the_quickest_values_are_tried():
    runs = [query(READ, parameters=(str(n),), ms=float(n)) for n in (1, 9, 5, 7, 3)]
    [read] = seen(request("GET", "orders/", *runs)).reads
    assert [one.sql.rpartition("= ")[2] for one in read.variants] == ["9", "5", "1"]


def test_writes_are_counted_by_the_rows_of_a_round():
    found = seen(
        request(
            "POST",
            "orders/",
            query('INSERT INTO "orders" ("total", "status") VALUES (%s, %s)', rows=3),
            query("UPDATE orders SET status = %s WHERE id = %s", rows=2, parameters=("'a'", "1")),
            query("DELETE FROM orders WHERE id = 1", rows=1),
        ),
        weights={"POST orders/": 4.0},
    )
    insert, update = found.writes_of("orders")
    assert (insert.kind, insert.columns, insert.rows) == ("insert", ("total", "status"), 12.0)
    assert (update.kind, update.columns, update.rows) == ("update", ("status",), 8.0)
    assert update.examples == ("UPDATE orders SET status = 'a' WHERE id = 1",)
