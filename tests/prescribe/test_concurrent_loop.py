"""How what a loop asks for each row is asked together."""

# ruff: noqa: E501 -- sources in one line

import pytest

from tests.prescribe.waiting import advice, assert_page, fixed, patch, refused
from unslow.lab.prescribe import concurrent_loop as fixer

LOOP = "async def view(client, rows):\n    for row in rows:\n"


@pytest.mark.parametrize(
    "text",
    [
        LOOP + "        use(await «client.get(row)»)\n",
        LOOP + "        row.seen = True\n        one = await «client.get(row)»\n",
        LOOP + "        one, two = await «client.get(row)»\n",
        LOOP + "        one = (await «client.get(row)»).json(x)\n",
        LOOP + "        url = 1\n        one = await «client.get(row)»\n",
        LOOP + "        one = await «client.get(last)»\n        last = one\n",
        LOOP + "        one = await «client.get(one)»\n",
        LOOP + "        one = await «client.get(row)»\n    else:\n        pass\n",
        LOOP + "        one = «client.get(row)»\n",
        "async def view(client, rows):\n    for a, b in rows:\n        one = await «client.get(a)»\n",
        "async def view(client, rows):\n    async for a in rows:\n        one = await «client.get(a)»\n",
        "async def view(client, rows):\n    return [(await «client.get(x)»).json() for x in rows]\n",
        "async def view(client, rows):\n    return {x: await «client.get(x)» for x in rows}\n",
        "async def view(client, rows):\n    return [await «client.get(x)» async for x in rows]\n",
    ],
    ids=[
        "not assigned", "something before", "unpacked", "an argument", "not the first",
        "the last answer", "its own answer", "else", "stops the loop", "two names",
        "async for", "read within", "a dictionary", "async comprehension",
    ],
)  # fmt: skip
def test_nothing_is_written(bench, text) -> None:
    bench.write(text)
    assert refused(bench, fixer)


def test_silent_without_a_call(bench) -> None:
    bench.write("def view(row):\n    return «row.client»\n")
    assert advice(bench, fixer) == []


def test_a_comprehension_is_gathered(bench) -> None:
    bench.write(
        "import asyncio\n\n\nasync def view(rows):\n"
        "    return [await «ask(row.id)» for row in rows if row]\n"
    )
    assert fixed(bench, fixer) == (
        "import asyncio\n\n\nasync def view(rows):\n"
        "    return await asyncio.gather(*[ask(row.id) for row in rows if row])\n"
    )


def test_a_loop_gets_the_answers(bench) -> None:
    bench.write(
        "import asyncio\n\n\nasync def view(rows):\n    for row in rows[:9]:\n"
        "        answer = await «ask(row.id)»\n        row.show(answer)\n"
    )
    assert fixed(bench, fixer) == (
        "import asyncio\n\n\nasync def view(rows):\n"
        "    all_rows = list(rows[:9])\n"
        "    answers = await asyncio.gather(*[ask(row.id) for row in all_rows])\n"
        "    for row, answer in zip(all_rows, answers, strict=True):\n"
        "        row.show(answer)\n"
    )


def test_what_is_read_of_the_answer_is_read_in_its_task(bench) -> None:
    bench.write(
        "import asyncio\n\n\nasync def view(rows):\n    for row in rows:\n"
        "        answer = (await «ask(row.id)»).json()\n        row.show(answer)\n"
    )
    text = fixed(bench, fixer)
    assert "    async def ask_for(row):\n        return (await ask(row.id)).json()\n" in text
    assert "asyncio.gather(*[ask_for(row) for row in all_rows])" in text


def test_a_plain_loop_gets_threads(bench) -> None:
    bench.write(
        "def view(rows):\n    for row in rows:\n"
        "        answer = «client.get(row.url)».json()\n        row.show(answer)\n"
    )
    assert fixed(bench, fixer) == (
        "from concurrent.futures import ThreadPoolExecutor\n\ndef view(rows):\n"
        "    all_rows = list(rows)\n"
        "    with ThreadPoolExecutor(max_workers=8) as pool:\n"
        "        answers = list(pool.map(lambda row: client.get(row.url).json(), all_rows))\n"
        "    for row, answer in zip(all_rows, answers, strict=True):\n"
        "        row.show(answer)\n"
    )


def test_it_is_judged_by_wall_time(bench) -> None:
    bench.write("async def view(rows):\n    return [await «ask(row)» for row in rows]\n")
    assert patch(bench, fixer).metric == "wall"


def test_the_page_shows_what_is_written(bench) -> None:
    assert_page(bench, fixer, 'client.get(f"/stock/{sku}")')
