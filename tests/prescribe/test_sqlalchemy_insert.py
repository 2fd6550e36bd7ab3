import pytest

from tests.prescribe.writes import advice, alchemy, fixed, refused
from unslow.lab.prescribe import sqlalchemy_insert as fixer

HEAD = "from sqlalchemy import func, insert\n\nfrom shop.models import Order\n\n\n"


def source(body: str) -> str:
    lines = "".join(f"        {line}\n" for line in body.split("\n"))
    return f"{HEAD}async def f(db, names):\n    for name in names:\n{lines}    await db.commit()\n"


INSERT = "await «db.execute(insert(Order).values(number=name))»"


# --- nothing changes -------------------------------------------------------------------------


def test_silent_where_something_else_is_called(bench):
    bench.write(source("db.add(Order(number=name))\nawait «db.flush()»"))
    assert advice(bench, fixer, "insert", models=alchemy()) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"done = {INSERT}", "returns"),
        ("await «db.execute(insert(Order).values(number=func.now()))»", "computes"),
        ("await «db.execute(insert(Order).values(name))»", "plain"),
        ("await «db.execute(insert(Order).values(**name))»", "plain"),
        ("await «db.execute(insert(Order).values(number=1).returning(Order.id))»", "plain"),
        ("await «db.execute(statement)»", "plain"),
        (f"{INSERT}\nawait db.commit()", "transaction of its own"),
        (f"{INSERT}\nif name:\n    return name", "before its end"),
    ],
)
def test_recommends_where_the_rows_are_not_plain(bench, body, reason):
    bench.write(source(body))
    assert reason in refused(bench, fixer, "insert", models=alchemy())


def test_recommends_where_the_table_is_read_again(bench):
    bench.write(source(INSERT))
    assert "read again" in refused(bench, fixer, "insert", models=alchemy(), rereads=True)


# --- changes ---------------------------------------------------------------------------------


def test_rows_are_collected_and_inserted_after_the_loop(bench):
    bench.write(source(INSERT))
    assert fixed(bench, fixer, "insert", models=alchemy()) == (
        f"""{HEAD}async def f(db, names):
    orders = []
    for name in names:
        orders.append({{"number": name}})
    if orders:
        await db.execute(insert(Order), orders)
    await db.commit()
"""
    )


def test_many_values_have_a_line_each(bench):
    long = "insert(Order).values(number=name.number, status=name.status, quantity=name.quantity)"
    bench.write(source(f"await «db.execute({long})»"))
    assert """
        orders.append(
            {
                "number": name.number,
                "status": name.status,
                "quantity": name.quantity,
            }
        )
""" in fixed(bench, fixer, "insert", models=alchemy())


def test_a_table_of_core_and_a_session_that_is_not_awaited(bench):
    text = source("«db.execute(orders_table.insert().values(number=name))»")
    bench.write(text.replace("async ", "").replace("await ", ""))
    text = fixed(bench, fixer, "insert", models=alchemy())
    assert (
        "    if orders:\n        db.execute(orders_table.insert(), orders)\n    db.commit()" in text
    )
