import pytest

from unslow.lab.prescribe import sqlalchemy_columns as fixer

START = "from sqlalchemy import select\n\n\nasync def run(db):\n    return "


@pytest.fixture
def fixed(rows_bench):
    rows_bench.detector = "unused-column"
    rows_bench.orm = "sqlalchemy"
    return lambda line: rows_bench.fixed(fixer, f"{START}{line}\n")


@pytest.mark.parametrize(
    "line",
    [
        "[o.customer for o in await db.scalars(«select(Order)»)]",
        "[o.attachment for o in await db.scalars(«select(Order)»)]",
        "[o.total for o in await db.scalars(«select(Order).options(joinedload(Order.items))»)]",
    ],
)
def test_nothing_where_more_than_columns_is_read(fixed, line):
    assert fixed(line) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "[o.total for o in await db.scalars(«select(Order)»)]",
            "(await db.scalars(select(Order.total))).all()",
        ),
        (
            "[o.total for o in (await db.scalars(«select(Order)»)).all()]",
            "(await db.scalars(select(Order.total))).all()",
        ),
        (
            "[o.total for o in (await db.execute(«select(Order)»)).scalars().all()]",
            "(await db.execute(select(Order.total))).scalars().all()",
        ),
        (
            "{o.total for o in db.scalars(«select(Order)»)}",
            "set(db.scalars(select(Order.total)))",
        ),
        (
            "[(o.total, o.paid) for o in (await db.execute(«select(Order)»)).scalars().all()]",
            "[(o.total, o.paid) for o in "
            "(await db.execute(select(Order.total, Order.paid))).all()]",
        ),
        (
            "[(o.total, o.paid) for o in await db.scalars(«select(Order)»)]",
            "[(o.total, o.paid) for o in await db.execute(select(Order.total, Order.paid))]",
        ),
    ],
)
def test_asks_for_the_columns(fixed, before, after):
    assert fixed(before) == f"{START}{after}\n"
