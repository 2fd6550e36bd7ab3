"""Which endpoints an index is known not to harm, on a real PostgreSQL."""

import pytest

from tests.builders import query, request
from tests.flip.test_sieve import KIND, LIST, MADE, READ, index, sieved

BY_KEY = query("SELECT * FROM events WHERE id = %s", parameters=("7",))
SAME_NEED = query("SELECT id FROM events WHERE made = %s", parameters=("9",))


def cleared(clone, *requests, sql=MADE):
    [passed] = sieved(clone, [index("one", sql)], READ, *requests).passed
    return passed.unharmed


@pytest.mark.parametrize(
    "shape",
    [
        "DELETE FROM events WHERE id = %s",
        "SELECT * FROM events WHERE id = %s FOR UPDATE",
    ],
)
def test_what_cannot_be_tried_stays_guarded(clone, shape):
    other = request("POST", "gone/", query(shape, parameters=("7",)))
    assert "POST gone/" not in cleared(clone, other)


def test_a_request_that_mostly_writes_indexed_rows_stays_guarded(clone):
    write = query("UPDATE events SET made = %s WHERE id = %s", rows=1, parameters=("8", "7"))
    busy = request("POST", "marks/", write * 200, ms=1.0)
    assert "POST marks/" not in cleared(clone, busy)


def test_a_slow_request_that_writes_a_row_is_cleared(clone):
    write = query("UPDATE events SET made = %s WHERE id = %s", rows=1, parameters=("8", "7"))
    slow = request("POST", "mark/", write, ms=500.0)
    assert "POST mark/" in cleared(clone, slow)


def test_a_read_that_keeps_its_plan_is_cleared(clone):
    other = request("GET", "event/", BY_KEY)
    assert "GET event/" in cleared(clone, other)


def test_a_read_that_gains_too_is_cleared(clone):
    other = request("GET", "made/", SAME_NEED)
    assert {LIST, "GET made/"} <= cleared(clone, other)


def test_an_index_without_gain_clears_nobody(clone):
    assert (
        sieved(clone, [index("kind", KIND)], READ, request("GET", "event/", BY_KEY)).unharmed == {}
    )
