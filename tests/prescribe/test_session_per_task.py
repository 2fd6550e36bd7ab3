"""How tasks get sessions of their own."""

import pytest

from tests.prescribe.test_asyncio_gather import DATABASE
from tests.prescribe.waiting import advice, patch, refused
from unslow.lab.prescribe import session_per_task as fixer

HEAD = "import asyncio\n\nfrom shop.database import Db\n\n\nasync def view(db: Db):\n"


def write(bench, text: str, head: str = HEAD) -> None:
    bench.write(DATABASE, "shop/database.py")
    bench.write(head + text, "shop/views.py")


@pytest.mark.parametrize(
    "text",
    [
        "    return await «asyncio.gather(*tasks)»\n",
        "    return await «asyncio.gather(one, db.scalar(2))»\n",
        "    return await «asyncio.gather(*[f(db, x) for x, y in rows])»\n",
        "    return await «asyncio.wait([db.scalar(1), db.scalar(2)])»\n",
        "    run_1 = 1\n    return await «asyncio.gather(db.scalar(1), db.scalar(2))»\n",
    ],
    ids=["tasks made elsewhere", "a task of a name", "two names", "wait", "no free name"],
)
def test_nothing_is_written_for_tasks_that_are_not_plain(bench, text) -> None:
    write(bench, text)
    assert refused(bench, fixer)


@pytest.mark.parametrize(
    "head",
    [
        "async def view(db):\n",
        "from sqlalchemy.ext.asyncio import AsyncSession\n\n\nasync def view(db: AsyncSession):\n",
        "from elsewhere import Db\n\n\nasync def view(db: Db):\n",
    ],
    ids=["no annotation", "no dependency", "another package"],
)
def test_nothing_is_written_where_sessions_come_from_nowhere(bench, head) -> None:
    write(bench, "    return await «asyncio.gather(db.scalar(1), db.scalar(2))»\n", head)
    assert "session" in refused(bench, fixer)


def test_silent_without_a_call(bench) -> None:
    write(bench, "    return «db.tasks»\n")
    assert advice(bench, fixer) == []


def test_each_task_gets_a_session(bench) -> None:
    write(
        bench, "    a, b = await «asyncio.gather(db.scalar(one), load(db, 2))»\n    return a, b\n"
    )
    text = bench.apply(patch(bench, fixer))["shop/views.py"]
    assert text.partition("async def view")[2] == (
        "(db: Db):\n"
        "    async def run_1():\n"
        "        async with Session() as db:\n"
        "            return await db.scalar(one)\n\n"
        "    async def run_2():\n"
        "        async with Session() as db:\n"
        "            return await load(db, 2)\n\n"
        "    a, b = await asyncio.gather(run_1(), run_2())\n"
        "    return a, b\n"
    )


def test_a_comprehension_passes_its_name_on(bench) -> None:
    write(bench, "    return await «asyncio.gather(*[load(db, x) for x in rows])»\n")
    text = bench.apply(patch(bench, fixer))["shop/views.py"]
    assert "    async def run_task(x):\n        async with Session() as db:\n" in text
    assert "asyncio.gather(*[run_task(x) for x in rows])" in text
    assert "from shop.database import Db, Session\n" in text


def test_the_gates_decide(bench) -> None:
    write(bench, "    return await «asyncio.gather(db.scalar(1), db.scalar(2))»\n")
    assert patch(bench, fixer).metric == "gate"
