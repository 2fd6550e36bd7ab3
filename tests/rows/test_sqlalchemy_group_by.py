# ruff: noqa: E501 -- sources in one line

import ast

import pytest

from unslow.lab.prescribe import sqlalchemy_group_by as fixer

HEAD = "from sqlalchemy import func, select\nfrom shop.models import Order\n\n\n"


@pytest.fixture
def fixed(rows_bench):
    rows_bench.detector = "python-aggregate"
    rows_bench.orm = "sqlalchemy"
    return lambda text: rows_bench.fixed(fixer, text)


def view(*lines):
    return HEAD + "async def run(db, totals):\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    "lines",
    [
        ("for o in await db.scalars(«select(Order).limit(9)»):", "    totals[o.status] += 1"),
        ("for o in await db.scalars(«select(Order).distinct()»):", "    totals[o.status] += 1"),
        ("for o in await db.scalars(«select(Order)»):", "    totals[o.status] += o.rate"),
        ("for o in await db.scalars(«select(Order)»):", "    totals[o.note[0]] += 1"),
        ("orders = (await db.scalars(«select(Order)»)).all()", "for o in orders:", "    totals[o.status] += 1", "use(orders)"),
    ],
)  # fmt: skip
def test_nothing_changes_where_the_rows_are_needed(fixed, lines):
    assert fixed(view(*lines)) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            ("for o in await db.scalars(«select(Order)»):", "    totals[o.status] += o.total"),
            (
                "for status, total in await db.execute(",
                "    select(Order.status, func.sum(Order.total)).group_by(Order.status)",
                "):",
                "    totals[status] += total",
            ),
        ),
        (
            (
                "statement = select(Order).where(Order.paid).order_by(Order.id)",
                "for o in await «db.scalars(statement)»:",
                "    if o.total > 3:",
                "        totals[o.status] += 1",
            ),
            (
                "statement = (",
                "    select(Order.status, func.count(Order.id))",
                "    .where(Order.paid).where(Order.total > 3).group_by(Order.status)",
                ")",
                "for status, count in await db.execute(statement):",
                "    totals[status] += count",
            ),
        ),
        (
            (
                "orders = (await db.scalars(«select(Order)»)).all()",
                "for o in orders:",
                "    totals[o.status] += o.total",
            ),
            (
                "orders = await db.execute(",
                "    select(Order.status, func.sum(Order.total)).group_by(Order.status)",
                ")",
                "for status, total in orders:",
                "    totals[status] += total",
            ),
        ),
        (
            ("return Counter(o.status for o in await db.scalars(«select(Order)»))",),
            (
                "return Counter(dict((await db.execute(select(Order.status, func.count(Order.id))",
                ".group_by(Order.status))).all()))",
            ),
        ),
    ],
)
def test_the_loop_runs_over_groups(fixed, before, after):
    got = fixed(view(*before))
    assert got is not None
    assert ast.dump(ast.parse(got)) == ast.dump(ast.parse(view(*after)))
