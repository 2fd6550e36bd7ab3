import pytest

from unslow.lab.prescribe import sqlalchemy_where as fixer

HEAD = "from shop.models import Order\nfrom sqlalchemy import select\n\n\n"
HEAD += "async def run(db, limit=9):\n"


@pytest.fixture
def fixed(rows_bench):
    rows_bench.detector = "python-filter"
    rows_bench.orm = "sqlalchemy"
    return lambda *lines: rows_bench.fixed(fixer, view(*lines))


def view(*lines):
    return HEAD + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("test", "condition"),
    [
        ("o.paid", "Order.paid.is_(True)"),
        ("not o.paid", "Order.paid.is_(False)"),
        ("o.status == 'open'", 'Order.status == "open"'),
        ("o.status != limit", "Order.status != limit"),
        ("o.status in ('open', 'paid')", 'Order.status.in_(("open", "paid"))'),
        ("o.total >= 3", "Order.total >= 3"),
        ("o.note", 'Order.note != ""'),
        ("o.sent_at is None", "Order.sent_at.is_(None)"),
        ("o.paid and o.total > 3", "Order.paid.is_(True), Order.total > 3"),
    ],
)
def test_a_condition_of_sql(fixed, test, condition):
    before = f"return [o for o in await db.scalars(«select(Order)») if {test}]"
    after = f"return [o for o in await db.scalars(select(Order).where({condition}))]"
    assert fixed(before) == view(after)


@pytest.mark.parametrize(
    "statement",
    ["select(Order).limit(9)", "select(Order).distinct()", "select(Order.id, Order.paid)"],
)
def test_nothing_where_a_condition_comes_too_late(fixed, statement):
    assert fixed(f"return [o for o in await db.scalars(«{statement}») if o.paid]") is None


def test_a_condition_goes_before_the_order(fixed):
    before = "return [o for o in await db.scalars(«select(Order).order_by(Order.id)») if o.paid]"
    after = (
        "return [o for o in await db.scalars("
        "select(Order).where(Order.paid.is_(True)).order_by(Order.id))]"
    )
    assert fixed(before) == view(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "sorted((await db.scalars(«select(Order)»)).all(), key=lambda o: o.total)[:limit]",
            "(await db.scalars(select(Order).order_by(Order.total, Order.id).limit(limit))).all()",
        ),
        (
            "sorted(await db.scalars(«select(Order).order_by(Order.id)»), "
            "key=lambda o: o.total, reverse=True)[:9]",
            "(await db.scalars("
            "select(Order).order_by(Order.total.desc(), Order.id).limit(9))).all()",
        ),
        (
            "(await db.scalars(«select(Order)»)).all()[:9]",
            "(await db.scalars(select(Order).limit(9))).all()",
        ),
    ],
)
def test_the_first_rows(fixed, before, after):
    assert fixed(f"return {before}") == view(f"return {after}")
