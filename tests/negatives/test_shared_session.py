"""Tasks that run together, and share nothing that serves one at a time."""

import msgspec
import pytest

from tests.builders import Queries, load, query, request, trace
from tests.negatives.cases import cases, found_in
from tests.sited import at
from unslow.model import Trace

SOURCE = """
import asyncio

async def slow(db):
    return await asyncio.gather(db.scalar(one), db.scalar(two))

async def own(Session):
    return await asyncio.gather(read(Session, one), read(Session, two))

async def one_of_them(db, client):
    return await asyncio.gather(db.scalar(one), client.get("/"))

async def comprehension(sessions):
    return await asyncio.gather(*[session.scalar(one) for session in sessions])

async def two_sessions(db, other):
    return await asyncio.gather(db.scalar(one), other.scalar(two))

async def client(http):
    return await asyncio.gather(http.get("/a"), http.get("/b"))

async def pool(pool):
    return await asyncio.gather(pool.execute("a"), pool.execute("b"))

async def turns(db):
    return await db.scalar(one), await db.scalar(two)

def gather(db, other):
    return other.gather(db.scalar(one), db.scalar(two))

async def closures():
    return await asyncio.gather(read_orders(), read_items())
"""


def seen(text: str, within: str, orm: str = "sqlalchemy", times: int = 2) -> Trace:
    (one,) = query("SELECT 1", ms=1.0, load=load("select", orm=orm) if orm else None).all
    queries = Queries((msgspec.structs.replace(one, stack=(at(SOURCE, text, within),)),)) * times
    return trace(*[request("GET", "/page", queries)] * 2)


SLOW = "asyncio.gather(db.scalar(one), db.scalar(two))"
CASES = {
    "each task opens a session by the factory": seen(
        "asyncio.gather(read(Session, one), read(Session, two))", "own"
    ),
    "one task alone uses the session": seen(
        'asyncio.gather(db.scalar(one), client.get("/"))', "one_of_them"
    ),
    "each task of a comprehension has its session": seen(
        "asyncio.gather(*[session.scalar(one) for session in sessions])", "comprehension"
    ),
    "there are two sessions": seen(
        "asyncio.gather(db.scalar(one), other.scalar(two))", "two_sessions"
    ),
    "a client serves many at a time": seen(
        'asyncio.gather(http.get("/a"), http.get("/b"))', "client"
    ),
    "a pool serves many at a time": seen(
        'asyncio.gather(pool.execute("a"), pool.execute("b"))', "pool", orm=""
    ),
    "the statements are awaited in turn": seen("await db.scalar(one)", "turns"),
    "another gather in a plain function": seen(
        "other.gather(db.scalar(one), db.scalar(two))", "gather"
    ),
    "only one statement was run": seen(SLOW, "slow", times=1),
    "the tasks are coroutines of their own": seen(
        "asyncio.gather(read_orders(), read_items())", "closures"
    ),
}


@pytest.mark.parametrize("seen", cases(CASES))
def test_silent(seen: Trace) -> None:
    found = found_in(seen, {"shop/api.py": SOURCE})
    assert [one.title for one in found if one.id == "shared-session"] == []


def test_the_slow_form_fires() -> None:
    found = found_in(seen(SLOW, "slow"), {"shop/api.py": SOURCE})
    assert "shared-session" in [one.id for one in found]
