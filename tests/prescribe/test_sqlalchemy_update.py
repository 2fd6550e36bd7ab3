import pytest
from msgspec.structs import replace

from tests.prescribe.writes import advice, alchemy, fixed, refused
from unslow.lab.prescribe import sqlalchemy_update as fixer
from unslow.model import Field, Site

HEAD = """from decimal import Decimal

from sqlalchemy import select, update

from shop.models import Customer, Order


"""
ROWS = 'orders = await db.scalars(select(Order).where(Order.status == "open"))'


def source(body: str, rows: str = ROWS, over: str = "orders", after: str = "") -> str:
    read = f"    {rows}\n" if rows else ""
    lines = "".join(f"        {line}\n" for line in body.split("\n"))
    tail = f"    await «db.commit()»\n{after}"
    return (
        f"{HEAD}async def f(db, amount: int, other):\n{read}    for order in {over}:\n{lines}{tail}"
    )


@pytest.fixture
def options(bench):
    """The loop's place, as the detector tells it."""

    def of(**more):
        text = (bench.root / bench.sites[0].path).read_text().splitlines()
        line = next(n for n, one in enumerate(text, 1) if one.strip().startswith("for "))
        loop = Site(bench.sites[0].path, line, line, 4, 5, "f")
        return {"models": alchemy(), "loop": loop, **more}

    return of


# --- nothing changes -------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["insert", "delete"])
def test_silent_on_other_writes(bench, options, operation):
    bench.write(source("order.status = 'paid'"))
    assert advice(bench, fixer, operation, **options()) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"overrides": ("validates",)}, "overrides validates"),
        ({"signals": ("before_update",)}, "before_update"),
        ({"parents": ("shop.models.Base",)}, "parent"),
    ],
)
def test_recommends_where_an_update_would_pass_something_by(bench, options, changes, reason):
    bench.write(source("order.status = 'paid'"))
    models = (replace(alchemy()[0], **changes), *alchemy()[1:])
    assert reason in refused(bench, fixer, "update", **options(models=models))


def test_recommends_where_a_column_sets_itself(bench, options):
    bench.write(source("order.status = 'paid'"))
    order, *others = alchemy()
    stamp = Field("changed_at", "changed_at", "DateTime", on_save="other")
    models = (replace(order, fields=(*order.fields, stamp)), *others)
    assert "sets itself" in refused(bench, fixer, "update", **options(models=models))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("order.status = order.number.upper()", "plain to see"),
        ("order.status = other()", "plain to see"),
        ("order.quantity = order.quantity / 2", "plain to see"),
        ("order.quantity = order.quantity * 1.5", "plain to see"),
        ("order.total = order.total * order.weight", "plain to see"),
        ('order.total = order.total * Decimal("0.125")', "rounds"),
        ("order.quantity = 1\norder.weight = order.quantity * 2.0", "only Python"),
        ("order.status = 'paid'\nprint(order.number)", "does more"),
        ("if order.total:\n    order.status = 'paid'", "does more"),
        ("order.id = 3", "does more"),
        ("order.unknown = 3", "does more"),
        ("await db.execute(update(Order).where(Order.number == '1').values(status='a'))", "more"),
        ("await db.execute(update(Customer).where(Order.id == order.id).values(name='a'))", "more"),
    ],
)
def test_recommends_where_only_python_knows_the_values(bench, options, body, reason):
    bench.write(source(body))
    assert reason in refused(bench, fixer, "update", **options())


@pytest.mark.parametrize(
    ("rows", "over"),
    [
        ("orders = await db.scalars(select(Order).limit(10))", "orders"),
        ("orders = await db.scalars(select(Order).join(Customer))", "orders"),
        ("orders = await db.scalars(select(Customer))", "orders"),
        ("orders = await db.scalars(select(Order, Customer))", "orders"),
        ("orders = await db.scalars(statement)", "orders"),
        ("orders = await load(db)", "orders"),
        ("orders = [one for one in await db.scalars(select(Order))]", "orders"),
        (f"{ROWS}\n    print(db)", "orders"),
        ("", "(await db.scalars(select(Order))).all()[:3]"),
        ("", "other.orders"),
    ],
)
def test_recommends_where_the_rows_are_not_plain(bench, options, rows, over):
    bench.write(source("order.status = 'paid'", rows, over))
    assert "plain to see" in refused(bench, fixer, "update", **options())


def test_recommends_where_the_rows_are_used_later(bench, options):
    bench.write(source("order.status = 'paid'", after="    return orders\n"))
    assert "used elsewhere" in refused(bench, fixer, "update", **options())


# --- changes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "values"),
    [
        ("order.status = 'paid'", "status='paid'"),
        ("order.quantity += amount", "quantity=Order.quantity + amount"),
        ("order.quantity = order.quantity * 2\nawait db.flush()", "quantity=Order.quantity * 2"),
        ("order.weight *= 1.1", "weight=Order.weight * 1.1"),
        ('order.total *= Decimal("1.1")', 'total=Order.total * Decimal("1.1")'),
        (
            "await db.execute(update(Order).where(Order.id == order.id).values(status='a'))",
            "status='a'",
        ),
        (
            "await db.execute(update(Order).where(Order.id == order.id)"
            ".values(quantity=order.quantity + 1))",
            "quantity=Order.quantity + 1",
        ),
    ],
)
def test_one_update_for_the_loop(bench, options, body, values):
    bench.write(source(body))
    text = fixed(bench, fixer, "update", **options())
    where = '.where(Order.status == "open")'
    one = f"    await db.execute(update(Order){where}.values({values}))\n"
    two = f"    await db.execute(\n        update(Order){where}.values({values})\n    )\n"
    three = (
        f"    await db.execute(\n        update(Order)\n        {where}\n"
        f"        .values({values})\n    )\n"
    )
    function = text.partition("async def f(db, amount: int, other):\n")[2]
    assert function in [f"{form}    await db.commit()\n" for form in (one, two, three)]


def test_rows_that_the_loop_itself_reads(bench, options):
    over = "(await db.scalars(select(Order).filter_by(status='a').order_by(Order.id))).all()"
    bench.write(source("order.status = 'paid'", "", over))
    text = fixed(bench, fixer, "update", **options())
    assert "await db.execute(update(Order).filter_by(status='a').values(status='paid'))" in text


def test_the_number_of_rows(bench, options):
    rows = "orders = (await db.execute(select(Order))).scalars().all()"
    bench.write(source("order.status = 'a'", rows, after="    return len(orders)\n"))
    text = fixed(bench, fixer, "update", **options())
    assert "    result = await db.execute(update(Order).values(status='a'))\n" in text
    assert text.endswith("    return result.rowcount\n")


def test_a_session_that_is_not_awaited(bench, options):
    text = source("order.status = 'a'", "orders = db.scalars(select(Order)).all()")
    bench.write(text.replace("async ", "").replace("await ", ""))
    text = fixed(bench, fixer, "update", **options())
    assert "    db.execute(update(Order).values(status='a'))\n    db.commit()\n" in text
