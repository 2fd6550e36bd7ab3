import pytest

from unslow.lab.prescribe import sqlalchemy_exists as fixer

HEAD = "from shop.models import Order\nfrom sqlalchemy import select\n\n\nasync def run(db):\n"
COUNT = "select(func.count(Order.id)).where(Order.paid)"
KEY = "select(Order.id).where(Order.paid).limit(1)"


@pytest.fixture
def fixed(rows_bench):
    rows_bench.detector = "count-for-existence"
    rows_bench.orm = "sqlalchemy"
    return lambda *lines: rows_bench.fixed(fixer, HEAD + "".join(f"    {one}\n" for one in lines))


@pytest.fixture
def count(rows_bench, fixed):
    rows_bench.loads = {"kind": "count"}
    return fixed


@pytest.mark.parametrize(
    "statement",
    [
        "select(func.count(Order.sent_at))",
        "select(func.count(distinct(Order.id)))",
        "select(func.count()).where(Order.paid)",
        "select(func.count(Order.id)).group_by(Order.status)",
        "select(func.count(Order.id)).having(Order.paid)",
    ],
)
def test_nothing_where_a_row_need_not_count(count, statement):
    assert count(f"return (await «db.scalar({statement})») > 0") is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            f"return (await «db.scalar({COUNT})») > 0",
            f"return (await db.scalar({KEY})) is not None",
        ),
        (f"return await «db.scalar({COUNT})» == 0", f"return await db.scalar({KEY}) is None"),
        (f"return not await «db.scalar({COUNT})»", f"return await db.scalar({KEY}) is None"),
        (f"return bool(«db.scalar({COUNT})»)", f"return bool(db.scalar({KEY}) is not None)"),
        (
            "return await «db.scalar(select(func.count()).select_from(Order))» > 0",
            "return await db.scalar(select(Order.id).select_from(Order).limit(1)) is not None",
        ),
    ],
)
def test_no_count(count, before, after):
    assert count(before) == f"{HEAD}    {after}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "return len((await db.scalars(«select(Order).order_by(Order.id)»)).all()) > 0",
            "return (await db.scalar(select(Order.id).limit(1))) is not None",
        ),
        (
            "return not (await db.scalars(«select(Order).limit(9)»)).all()",
            "return (await db.scalar(select(Order.id).limit(9))) is None",
        ),
    ],
)
def test_no_rows(fixed, before, after):
    assert fixed(before) == f"{HEAD}    {after}\n"


def test_rows_with_a_name(fixed):
    before = ["late = (await db.scalars(«select(Order)»)).all()", "return 1 if late else 2"]
    after = [
        "found = await db.scalar(select(Order.id).limit(1))",
        "return 1 if found is not None else 2",
    ]
    assert fixed(*before) == HEAD + "".join(f"    {line}\n" for line in after)
