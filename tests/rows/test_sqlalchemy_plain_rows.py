import pytest

from unslow.lab.prescribe import sqlalchemy_plain_rows as fixer

HEAD = "from shop.models import Order\nfrom sqlalchemy import select\n\n\n"
START = f"{HEAD}async def run(db):\n    return "


@pytest.fixture
def fixed(rows_bench):
    rows_bench.detector = "unused-eager-load"
    rows_bench.orm = "sqlalchemy"
    return lambda query, read="o.number": rows_bench.fixed(
        fixer, f"{START}[{read} for o in await db.scalars(«{query}»)]\n"
    )


@pytest.mark.parametrize(
    ("option", "read"),
    [
        ("joinedload(Order.customer)", "o.customer.name"),
        ("joinedload(Order.customer)", "o.label"),
        ("joinedload(Order.customer)", "shown(o)"),
        ("load_only(Order.number)", "o.number"),
        ("lazyload(Order.customer)", "o.number"),
        ("joinedload(Order.elsewhere)", "o.number"),
    ],
)
def test_nothing_where_the_relation_may_be_read(fixed, option, read):
    assert fixed(f"select(Order).options({option})", read) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("joinedload(Order.customer)", ""),
        ("joinedload(Order.customer).joinedload(Customer.company)", ""),
        ("selectinload(Order.items), joinedload(Order.customer)", ""),
        ("selectinload(Order.items), load_only(Order.number)", ".options(load_only(Order.number))"),
        ("load_only(Order.number), selectinload(Order.items)", ".options(load_only(Order.number))"),
    ],
)
def test_an_option_goes(fixed, rows_bench, before, after):
    wanted = f"{START}[o.number for o in await db.scalars(select(Order){after})]\n"
    assert fixed(f"select(Order).options({before})") == wanted
    assert rows_bench.patch.safety == "review"
