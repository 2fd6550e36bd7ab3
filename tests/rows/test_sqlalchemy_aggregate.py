import pytest

from unslow.lab.prescribe import sqlalchemy_aggregate as fixer

HEAD = "from shop.models import Item, Order\nfrom sqlalchemy import func, select\n\n\n"


@pytest.fixture
def fixed(rows_bench):
    rows_bench.detector = "python-aggregate"
    rows_bench.orm = "sqlalchemy"
    return lambda text: rows_bench.fixed(fixer, text)


def view(*lines, head=HEAD):
    body = "".join(f"    {line}\n" for line in lines)
    return f"{head}async def run(db, status='open', note=None):\n{body}"


# --- nothing changes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "return sum(o.weight for o in await db.scalars(«select(Order)»))",
        "return sum(o.rate for o in await db.scalars(«select(Order)»))",
        "return sum(o.total / 2 for o in await db.scalars(«select(Order)»))",
        "return sum(o.total for o in await db.scalars(«select(Order).limit(9)»))",
        "return sum(o.total for o in await db.scalars(«select(Order).distinct()»))",
        "return sum(o.total for o in await db.execute(«select(Order.total, Order.id)»))",
        "return sum(o.total for o in await db.scalars(«select(Order).with_for_update()»))",
        "return max(o.total for o in await db.scalars(«select(Order)»))",
    ],
)
def test_recommends_where_sql_might_give_another_total(fixed, line):
    assert fixed(view(line)) is None


def test_nothing_where_two_reads_share_the_statement(fixed):
    before = [
        "orders = select(Order)",
        "rows = (await db.scalars(«orders»)).all()",
        "first = await db.scalar(orders)",
        "return len(rows), first",
    ]
    assert fixed(view(*before)) is None


# --- what changes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "return sum(o.total for o in await db.scalars(«select(Order).where(Order.paid)»))",
            "return await db.scalar(select(func.sum(Order.total)).where(Order.paid)) or 0",
        ),
        (
            "return 1 + sum(o.total for o in (await db.scalars(«select(Order)»)).all())",
            "return 1 + ((await db.scalar(select(func.sum(Order.total)))) or 0)",
        ),
        (
            "return len((await db.scalars(«select(Order).order_by(Order.id)»)).all())",
            "return await db.scalar(select(func.count(Order.id)))",
        ),
        (
            "return len((await db.execute(«select(Order)»)).scalars().all())",
            "return await db.scalar(select(func.count(Order.id)))",
        ),
        (
            "return sum(1 for o in await db.scalars(«select(Order)») if o.status == 'open')",
            'return await db.scalar(select(func.count(Order.id)).where(Order.status == "open"))',
        ),
        (
            "return max((o.total for o in await db.scalars(«select(Order)»)), default=None)",
            "return await db.scalar(select(func.max(Order.total)))",
        ),
        (
            "return sum(o.total * o.price for o in await db.scalars(«select(Order)»))",
            "return await db.scalar(select(func.sum(Order.total * Order.price))) or 0",
        ),
    ],
)
def test_one_total_in_place(fixed, before, after):
    assert fixed(view(before)) == view(after)


def test_a_loop_that_adds(fixed):
    before = [
        "total = 0",
        "for o in await db.scalars(«select(Order).where(Order.paid)»):",
        "    total += o.total",
        "return total",
    ]
    assert fixed(view(*before)) == view(
        "total = 0",
        "total += await db.scalar(select(func.sum(Order.total)).where(Order.paid)) or 0",
        "return total",
    )


def test_a_mean_of_a_named_list(fixed):
    before = [
        "orders = (await db.scalars(«select(Order).where(Order.paid)»)).all()",
        "if not orders:",
        "    return None",
        "return sum(o.total for o in orders) / len(orders)",
    ]
    assert fixed(view(*before)) == view(
        "orders_count, total_sum = (await db.execute(select(func.count(Order.id), "
        "func.sum(Order.total)).where(Order.paid))).one()",
        "if not orders_count:",
        "    return None",
        "return (total_sum or 0) / orders_count",
    )


def test_a_statement_with_a_name(fixed):
    before = [
        "paid = select(Order).where(Order.paid).order_by(Order.id)",
        "orders = await db.scalars(«paid»)",
        "return sum(o.total for o in orders)",
    ]
    assert fixed(view(*before)) == view(
        "paid = select(func.sum(Order.total)).where(Order.paid)",
        "total_sum = await db.scalar(paid)",
        "return total_sum or 0",
    )


def test_func_is_imported(fixed):
    head = HEAD.replace("func, ", "")
    before = "return len((await db.scalars(«select(Order)»)).all())"
    after = "return await db.scalar(select(func.count(Order.id)))"
    assert fixed(view(before, head=head)) == view(after)
