import pytest

from tests.builders import query, request, trace
from tests.negatives.cases import cases, found

SUMMARY = "SELECT country, sum(total) FROM orders GROUP BY country"
MINE = "SELECT sum(total) FROM orders WHERE user_id = %s"
USE = "shop/views.py:15:20 turnover"


def asked(sql=SUMMARY, path="/turnover/", ms=80.0, rows=5, **fields):
    return request("GET", "turnover/", query(sql, USE, ms=ms, rows=rows, **fields), path=path)


def seen(*requests):
    return trace(*requests)


CASES = {
    "a summary of twenty milliseconds": seen(*[asked(ms=20.0)] * 4),
    "a summary that was slow once": seen(asked(), asked(ms=8.0)),
    "a summary beside much other work": seen(
        *[request("GET", "a/", query(SUMMARY, USE, ms=80.0, rows=5), ms=900.0)] * 3
    ),
    "a user's own figures": seen(*[asked(MINE, values="7")] * 4),
    "every page has figures of its own": seen(
        *[asked(MINE, f"/turnover/?page={n}", values=str(n)) for n in range(4)]
    ),
    "every page has an offset of its own in the statement": seen(
        *[asked(f"{SUMMARY} OFFSET {n % 2}", f"/turnover/?page={n % 2}") for n in range(4)]
    ),
    "the latest rows": seen(*[asked("SELECT * FROM orders ORDER BY id DESC")] * 4),
    "a summary with the clock in it": seen(
        *[asked("SELECT count(*) FROM orders WHERE paid_at > now()")] * 4
    ),
    "a summary with chance in it": seen(*[asked("SELECT sum(random()) FROM orders")] * 4),
    "a count that locks": seen(*[asked("SELECT count(*) FROM orders FOR UPDATE")] * 4),
    "a group for each of many thousand rows": seen(*[asked(rows=50_000)] * 4),
    "asked in one request alone": seen(asked(), request("GET", "other/")),
    "a health check": seen(*[asked("SELECT count(1)")] * 4),
}


@pytest.mark.parametrize("one", cases(CASES))
def test_silent(one):
    assert found("uncached-read", one) == []


def test_the_slow_form_fires():
    assert found("uncached-read", seen(*[asked()] * 4))
