"""Which reads are awaited in turn though none needs the others."""

import msgspec

from tests.builders import Queries, plus, query, request, trace
from tests.sited import at
from unslow.lab.diagnose import sequential_calls, sequential_http_calls
from unslow.model import Finding, HttpCall, Trace

SOURCE = """
async def summary(db):
    orders = await db.scalar(select(count(Order)))
    items = (await db.scalars(select(Item))).all()
    return orders, items

async def figures(db):
    return {"orders": await db.scalar(one), "items": await helper(db)}

async def helper(db):
    return await db.scalar(two)

async def checked(db, user):
    ok = await allowed(user)
    orders = await db.scalar(one)
    items = await db.scalar(two)
    return ok, orders, items

async def mixed(db, client):
    orders = await db.scalar(one)
    rate = await client.get("/rate")
    return orders, rate
"""


def asked(*stack: tuple[str, str], ms: float = 20.0, sql: str = "SELECT 1") -> Queries:
    (one,) = query(sql, ms=ms).all
    places = tuple(at(SOURCE, text, within) for text, within in stack)
    return Queries((msgspec.structs.replace(one, stack=places),))


ORDERS = asked(("await db.scalar(select(count(Order)))", "summary"))
ITEMS = asked(("await db.scalars(select(Item))", "summary"), ms=30.0, sql="SELECT 2")


def find(seen: Trace, detector=sequential_calls) -> list[Finding]:
    return list(detector.find_in_source(seen, lambda path: SOURCE.encode()))


def test_silent_on_one_read() -> None:
    assert find(trace(request("GET", "/summary", ITEMS))) == []


def test_two_independent_reads_are_found_at_the_first() -> None:
    (finding,) = find(trace(*[request("GET", "/summary", ORDERS, ITEMS)] * 2))
    assert finding.cause == at(SOURCE, "await db.scalar(select(count(Order)))", "summary")
    assert finding.symptom == at(SOURCE, "await db.scalars(select(Item))", "summary")
    assert finding.evidence.uses == (finding.cause, finding.symptom)
    assert finding.evidence.ms == 20.0
    assert "2 independent reads in turn, 20 ms longer than together" in finding.title


def test_the_values_of_a_dictionary_are_found_through_helpers() -> None:
    first = asked(("await db.scalar(one)", "figures"))
    second = asked(("await db.scalar(two)", "helper"), ("await helper(db)", "figures"))
    (finding,) = find(trace(request("GET", "/figures", first, second)))
    assert [use.column for use in finding.evidence.uses] == [22, 53]


def test_a_read_beside_a_call_is_found() -> None:
    call = HttpCall(
        "httpx-async",
        "GET",
        "rates",
        duration_ms=25.0,
        stack=(at(SOURCE, 'await client.get("/rate")', "mixed"),),
    )
    one = plus(
        request("GET", "/mixed", asked(("await db.scalar(one)", "mixed")), ms=60.0),
        http_calls=(call,),
    )
    assert [finding.id for finding in find(trace(one))] == ["sequential-calls"]
    assert find(trace(one), sequential_http_calls) == []


def test_a_check_before_them_stays_before_them() -> None:
    first = asked(("await db.scalar(one)", "checked"))
    second = asked(("await db.scalar(two)", "checked"), sql="SELECT 2")
    (finding,) = find(trace(request("GET", "/checked", first, second)))
    assert finding.cause == at(SOURCE, "await db.scalar(one)", "checked")
    assert len(finding.evidence.uses) == 2
