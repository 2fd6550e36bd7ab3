from tests.builders import query, request, site, trace
from unslow.lab.diagnose.uncached_read import find

SUMMARY = "SELECT country, sum(total) FROM orders GROUP BY country"
ASKED = "SELECT sum(total) FROM orders WHERE status = %s"
USE = "shop/views.py:15:20 turnover"


def asked(sql=SUMMARY, path="/turnover/", ms=80.0, **fields):
    one = query(sql, USE, ms=ms, rows=5, **fields)
    return request("GET", "turnover/", one, path=path)


def findings(*requests):
    return list(find(trace(*requests)))


def test_silent_for_a_quick_summary():
    assert findings(*[asked(ms=20.0)] * 4) == []


def test_silent_where_one_execution_was_quick():
    assert findings(asked(), asked(ms=20.0)) == []


def test_silent_for_one_request():
    assert findings(asked()) == []


def test_silent_for_values_that_only_one_path_has():
    assert findings(*[asked(ASKED, values="paid")] * 4) == []


def test_silent_for_rows():
    assert findings(*[asked("SELECT * FROM orders")] * 4) == []


def test_silent_where_the_answer_changes_by_itself():
    assert findings(*[asked("SELECT count(*) FROM orders WHERE at > now()")] * 4) == []


def test_silent_in_a_request_that_writes():
    write = query("UPDATE orders SET total = 1", USE)
    one = request("GET", "a/", query(SUMMARY, USE, ms=80.0, rows=5), write)
    assert findings(one, one) == []


def test_the_statement_and_its_worth():
    writer = request("POST", "orders/", query("INSERT INTO orders VALUES (1)", USE))
    (finding,) = findings(*[asked()] * 3, writer)
    assert finding.cause == site(USE)
    assert finding.title == (
        "GET turnover/ computes the same summary in 80 ms each time (shop/views.py:15 in turnover)"
    )
    evidence = finding.evidence
    assert (evidence.requests, evidence.rows, evidence.tables) == (3, 5, ("orders",))
    assert evidence.writers == ("POST orders/",)
    assert finding.confidence == "possible"


def test_equal_values_in_different_paths():
    paid = [asked(ASKED, f"/turnover/?page={n}", values="paid") for n in range(3)]
    assert len(findings(*paid)) == 1
    other = asked(ASKED, "/turnover/?page=9", values="open")
    assert findings(*paid, other) == []
