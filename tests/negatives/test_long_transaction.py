import pytest

from tests.builders import query, trace
from tests.diagnose.test_long_transaction import SLOW, WRITE, seen
from tests.negatives.cases import cases, found

READ = query("SELECT * FROM shop_order", "shop/views.py:7 pay")

CASES = {
    "the call comes before the first write": seen(WRITE, start=0.5),
    "the call comes after the commit": seen(WRITE, transaction=(0.0, 4.0)),
    "the transaction only reads": seen(READ),
    "the write came before the transaction": seen(WRITE, transaction=(2.0, 50.0)),
    "the write came after the call": seen(READ * 8, WRITE),
    "the transaction is another database's": seen(WRITE, database="archive"),
    "the write met no row": seen(query("UPDATE shop_order SET status = %s", "a.py:1", rows=0)),
    "a library makes the call": seen(WRITE, stack=()),
    "a row is read without a lock": seen(query("SELECT 1 FROM for_update", "a.py:1")),
    "nothing is written": seen(),
    "no request": trace(),
}


def test_the_slow_form_fires():
    assert found("long-transaction", SLOW)


@pytest.mark.parametrize("case", cases(CASES))
def test_silent(case):
    assert found("long-transaction", case) == []
