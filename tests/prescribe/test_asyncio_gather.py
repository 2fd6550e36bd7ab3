"""How awaits that need nothing of each other are made concurrent."""

import ast
import re

import pytest

from tests.prescribe.test_pages import PAGES
from tests.prescribe.waiting import advice, fixed, patch, refused
from unslow.lab.patching import diff
from unslow.lab.prescribe import asyncio_gather as fixer

DATABASE = """
from typing import Annotated
from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

Session = async_sessionmaker()


async def get_session():
    async with Session() as session:
        yield session


Db = Annotated[AsyncSession, Depends(get_session)]
"""

READS = """from sqlalchemy import select

from shop.database import Db


async def view(db: Db):
    orders = «await db.scalar(select(Order))»
    items = («await db.scalars(select(Item))»).all()
    return orders, items
"""


def uses(bench):
    return tuple(bench.sites)


def after(bench, id="sequential-http-calls"):
    text = fixed(bench, fixer, id=id, uses=uses(bench))
    ast.parse(text)
    return text


def test_http_calls_are_gathered(bench):
    bench.write(
        "async def view(client):\n"
        "    # both rates\n"
        '    dollar = «await client.get("/dollar")»\n'
        '    yen = «await client.get("/yen")»\n'
        "    return dollar, yen\n"
    )
    assert after(bench) == (
        "import asyncio\n\n\n"
        "async def view(client):\n"
        "    # both rates\n"
        '    dollar, yen = await asyncio.gather(client.get("/dollar"), client.get("/yen"))\n'
        "    return dollar, yen\n"
    )


def test_each_read_gets_a_session_of_its_own(bench):
    bench.write(DATABASE, "shop/database.py")
    bench.write(READS, "shop/views.py")
    text = after(bench, "sequential-calls")
    assert (
        text
        == """import asyncio
from sqlalchemy import select

from shop.database import Db, Session


async def view(db: Db):
    async def read_orders():
        async with Session() as db:
            return await db.scalar(select(Order))

    async def read_items():
        async with Session() as db:
            return (await db.scalars(select(Item))).all()

    orders, items = await asyncio.gather(read_orders(), read_items())
    return orders, items
"""
    )


def test_one_read_beside_a_call_keeps_its_session(bench):
    bench.write(DATABASE, "shop/database.py")
    bench.write(
        READS.replace("(«await db.scalars(select(Item))»).all()", "«await client.get('/x')»"),
        "shop/views.py",
    )
    assert "asyncio.gather(db.scalar(select(Order)), client.get('/x'))" in after(
        bench, "sequential-calls"
    )


def test_the_values_of_a_dictionary_get_names(bench):
    bench.write(DATABASE, "shop/database.py")
    bench.write(
        "from shop.database import Db\n\n\nasync def view(db: Db):\n    return {\n"
        '        "most": «await db.scalar(one)»,\n        "max": «await db.scalar(two)»,\n    }\n',
        "shop/views.py",
    )
    text = after(bench, "sequential-calls")
    assert "most, max_found = await asyncio.gather(read_most(), read_max_found())\n" in text
    assert '"most": most,\n        "max": max_found,\n' in text


@pytest.mark.parametrize(
    "text",
    [
        "async def view(repo):\n    a = «await repo.orders()»\n    b = «await repo.items()»\n",
        "async def view(self):\n    a = «await self.db.get(X)»\n    b = «await self.db.get(Y)»\n",
        "from sqlalchemy.ext.asyncio import AsyncSession\n\n\nasync def view(db: AsyncSession):\n"
        "    a = «await db.scalar(x)»\n    b = «await db.scalar(y)»\n",
    ],
    ids=["a repository", "an attribute", "a parameter without a dependency"],
)
def test_nothing_is_written_where_the_session_is_not_known(bench, text):
    bench.write(text)
    assert "session" in refused(bench, fixer, id="sequential-calls", uses=uses(bench))


@pytest.mark.parametrize(
    "text",
    [
        "async def view(c):\n    a, b = «await c.get(1)»\n    d = «await c.get(2)»\n",
        "async def view(c):\n    a = f(«await c.get(1)»)\n    d = «await c.get(2)»\n",
        "async def view(c):\n    a.b = «await c.get(1)»\n    d = «await c.get(2)»\n",
        'async def view(c):\n    a = «await c.get("""x\ny""")»\n    d = «await c.get(2)»\n',
    ],
    ids=["two targets", "wrapped", "an attribute", "a text over lines"],
)
def test_nothing_is_written_where_the_statements_are_not_plain(bench, text):
    bench.write(text)
    assert refused(bench, fixer, id="sequential-http-calls", uses=uses(bench))


def test_silent_on_one_await(bench):
    bench.write("async def view(c):\n    a = «await c.get(1)»\n")
    assert advice(bench, fixer, id="sequential-calls", uses=uses(bench)) == []


def test_it_is_judged_by_wall_time(bench):
    bench.write("async def view(c):\n    a = «await c.get(1)»\n    b = «await c.get(2)»\n")
    found = patch(bench, fixer, id="sequential-http-calls", uses=uses(bench))
    assert (found.metric, found.at_once, found.safety) == ("wall", 1, "review")


def test_the_page_shows_what_is_written(bench):
    page = (PAGES / "asyncio-gather.md").read_text()
    example, expected = re.findall(r"(?ms)^```(?:python|diff)\n(.*?)^```$", page)[:2]
    bench.write(re.sub(r"await client\.get\([^)]*\)", r"«\g<0>»", example))
    found = patch(bench, fixer, id="sequential-http-calls", uses=uses(bench))
    assert diff([found], bench.source.read) == expected
