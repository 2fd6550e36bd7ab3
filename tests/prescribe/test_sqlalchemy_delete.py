import pytest
from msgspec.structs import replace

from tests.prescribe.writes import advice, alchemy, fixed, refused
from unslow.lab.prescribe import sqlalchemy_delete as fixer
from unslow.model import Relation, Site

HEAD = "from sqlalchemy import select\n\nfrom shop.models import Order\n\n\n"
LOOP = Site("shop/views.py", 8, 8, 4, 5, "f")


def source(body: str = "await db.delete(order)", where: str = ".where(Order.total == 0)") -> str:
    lines = "".join(f"        {line}\n" for line in body.split("\n"))
    return (
        f"{HEAD}async def f(db, other):\n    orders = await db.scalars(select(Order){where})\n"
        f"    for order in orders:\n{lines}    await «db.commit()»\n"
    )


# --- nothing changes -------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["insert", "update"])
def test_silent_on_other_writes(bench, operation):
    bench.write(source())
    assert advice(bench, fixer, operation, models=alchemy(), loop=LOOP) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"overrides": ("version_id_col",)}, "overrides version_id_col"),
        ({"signals": ("before_delete",)}, "before_delete"),
        ({"relations": (Relation("items", "items", "reverse", "shop.models.Item"),)}, "(items)"),
        ({"relations": (Relation("tags", "tags", "many-to-many", "shop.models.T"),)}, "(tags)"),
    ],
)
def test_recommends_where_the_session_does_more(bench, changes, reason):
    bench.write(source())
    models = (replace(alchemy()[0], **changes), *alchemy()[1:])
    assert reason in refused(bench, fixer, "delete", models=models, loop=LOOP)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ("await db.delete(order)\nprint(order)", ""),
        ("await db.delete(other)", ""),
        ("if order.total:\n    await db.delete(order)", ""),
        ("await db.delete(order)", ".limit(10)"),
        ("await db.delete(order)", ".join(Order.customer)"),
    ],
)
def test_recommends_where_the_loop_is_not_plain(bench, body, where):
    bench.write(source(body, where))
    reason = refused(bench, fixer, "delete", models=alchemy(), loop=LOOP)
    assert "does more" in reason or "plain to see" in reason


# --- changes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("flush", ["", "\nawait db.flush()"])
def test_one_delete_for_the_loop(bench, flush):
    bench.write(source(f"await db.delete(order){flush}"))
    text = fixed(bench, fixer, "delete", models=alchemy(), loop=LOOP)
    assert text.startswith("from sqlalchemy import delete, select\n")
    assert text.endswith(
        "    await db.execute(delete(Order).where(Order.total == 0))\n    await db.commit()\n"
    )


def test_a_long_statement_has_a_line_for_each_step(bench):
    condition = "Order.total == other.a_total_of_some_length"
    bench.write(source(where=f".where({condition}).where({condition})"))
    assert f"""
    await db.execute(
        delete(Order)
        .where({condition})
        .where({condition})
    )
""" in fixed(bench, fixer, "delete", models=alchemy(), loop=LOOP)
