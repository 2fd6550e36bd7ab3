"""Where tasks that run together share a session."""

import msgspec

from tests.builders import Queries, load, query, request, trace
from tests.sited import at
from unslow.lab.diagnose import shared_session
from unslow.model import Finding, Trace

SOURCE = """
import asyncio

async def view(db):
    return await asyncio.gather(db.scalar(one), db.scalar(two))

async def rows(db, ids):
    return await asyncio.gather(*[load(db, id) for id in ids])

async def load(db, id):
    return await db.get(Order, id)
"""
GATHER = "asyncio.gather(db.scalar(one), db.scalar(two))"
MANY = "asyncio.gather(*[load(db, id) for id in ids])"


def asked(*stack: tuple[str, str], orm: str = "sqlalchemy") -> Queries:
    (one,) = query("SELECT 1", ms=10.0, load=load("select", orm=orm)).all
    return Queries(
        (msgspec.structs.replace(one, stack=tuple(at(SOURCE, *place) for place in stack)),)
    )


def find(seen: Trace) -> list[Finding]:
    return list(shared_session.find_in_source(seen, lambda path: SOURCE.encode()))


def test_silent_on_one_statement() -> None:
    assert find(trace(request("GET", "/", asked((GATHER, "view"))))) == []


def test_statements_of_one_gather_are_found() -> None:
    (finding,) = find(trace(request("GET", "/", asked((GATHER, "view")) * 2)))
    assert finding.cause == at(SOURCE, GATHER, "view")
    assert "GET / runs 2 statements at the same time in one session" in finding.title
    assert finding.severity == "high"


def test_a_comprehension_of_helpers_is_found() -> None:
    one = asked(("await db.get(Order, id)", "load"), (MANY, "rows"))
    (finding,) = find(trace(request("GET", "/", one * 5)))
    assert finding.cause == at(SOURCE, MANY, "rows")
    assert finding.symptom == at(SOURCE, "await db.get(Order, id)", "load")
    assert finding.evidence.calls == 5.0
