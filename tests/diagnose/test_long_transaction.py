from msgspec.structs import replace

from tests.builders import plus, query, request, site, sites, trace
from unslow.lab.diagnose import long_transaction
from unslow.model import HttpCall, Transaction

CALL = site("shop/views.py:9 pay")


def seen(*queries, start=5.0, transaction=(0.0, 50.0), database="default", stack=(CALL,)):
    """Two requests with their queries, a call of 30 ms, and one transaction."""
    call = HttpCall("httpx", "POST", "bank.example", "/pay", start_ms=start, duration_ms=30.0)
    calls = (replace(call, stack=stack),)
    opened = Transaction(database, *transaction)
    made = plus(request("POST", "pay/", *queries), http_calls=calls, transactions=(opened,))
    return trace(made, made)


WRITE = query("UPDATE shop_order SET status = %s", "shop/views.py:8 pay")
SLOW = seen(WRITE)


def test_silent_before_the_first_write():
    assert list(long_transaction.find(seen(WRITE, start=0.5))) == []


def test_a_call_after_a_write_in_a_transaction():
    (finding,) = long_transaction.find(SLOW)
    assert finding.cause == CALL
    assert finding.symptom == sites("shop/views.py:8 pay")[0]
    assert finding.title == (
        "POST pay/ waits for POST bank.example/pay while it holds locks (shop/views.py:9 in pay)"
    )
    assert finding.cost.ms_per_request == 30.0
    assert (finding.evidence.calls, finding.evidence.ms) == (1.0, 30.0)


def test_a_call_while_a_row_is_locked():
    locked = query("SELECT * FROM shop_order WHERE id = %s FOR UPDATE", "shop/views.py:7 pay")
    assert list(long_transaction.find(seen(locked)))
