"""What is awaited in turn, and for a reason."""

import msgspec
import pytest

from tests.builders import Queries, query, request, trace
from tests.negatives.cases import cases, found_in
from tests.sited import at
from unslow.model import Trace

SOURCE = """
async def slow(db):
    a = await db.scalar(one)
    b = await db.scalar(two)
    return a, b

async def needs(db):
    a = await db.scalar(one)
    b = await db.scalar(two.where(x == a))
    return a, b

async def rebinds(db):
    a = await db.scalar(one)
    a = await db.scalar(two)
    return a

async def between(db):
    a = await db.scalar(one)
    db.expire_all()
    b = await db.scalar(two)
    return a, b

async def branches(db):
    a = await db.scalar(one)
    if a:
        b = await db.scalar(two)
    return a, b

async def checked(db, user):
    a = await db.scalar(one)
    ok = await allowed(user)
    b = await db.scalar(two)
    return a, b, ok

async def gathered(db):
    a, b = await gather(read(one), read(two))
    return a, b

async def walrus(db):
    return [await db.scalar(one), (b := await db.scalar(two)), b]

def plain(db):
    a = db.scalar(one)
    b = db.scalar(two)
    return a, b

async def unpacks(db):
    a, b = (await db.execute(one)).one()
    c = await db.scalar(two)
    return a, b, c
"""


def seen(
    within: str,
    *texts: str,
    sqls: tuple[str, str] = ("SELECT 1", "SELECT 2"),
    ms: float = 20.0,
    first: str = "",
) -> Trace:
    """Requests that run a statement at each text, after `first`."""
    places = texts or ("await db.scalar(one)", "await db.scalar(two)")
    asked = []
    for text, sql in zip(places, sqls, strict=True):
        (one,) = query(sql, ms=ms).all
        asked.append(msgspec.structs.replace(one, stack=(at(SOURCE, text, within),)))
    before = (query(first, ms=0.1),) if first else ()
    return trace(*[request("GET", "/page", *before, Queries(tuple(asked)))] * 2)


READ = "SELECT 1"

CASES = {
    "the second needs what the first found": seen(
        "needs", "await db.scalar(one)", "await db.scalar(two.where(x == a))"
    ),
    "the second takes the name of the first": seen("rebinds"),
    "something happens in between": seen("between"),
    "a check that is awaited in between": seen("checked"),
    "the second depends on a condition": seen("branches"),
    "they are awaited together": seen("gathered", "read(one)", "read(two)"),
    "a value of the expression is named within it": seen("walrus"),
    "nothing is awaited in a plain function": seen("plain", "db.scalar(one)", "db.scalar(two)"),
    "both together take four milliseconds": seen("slow", ms=2.0),
    "the second writes": seen("slow", sqls=(READ, "INSERT INTO t VALUES (1)")),
    "the second locks rows": seen("slow", sqls=(READ, "SELECT 1 FROM t FOR UPDATE")),
    "something was written before, which another session would not see": seen(
        "slow", first="INSERT INTO t VALUES (1)"
    ),
    "the first is unpacked": seen("unpacks", "await db.execute(one)", "await db.scalar(two)"),
}


@pytest.mark.parametrize("seen", cases(CASES))
def test_silent(seen: Trace) -> None:
    assert [one.title for one in found_in(seen, {"shop/api.py": SOURCE})] == []


def test_the_slow_form_fires() -> None:
    found = found_in(seen("slow"), {"shop/api.py": SOURCE})
    assert [one.id for one in found] == ["sequential-calls"]
