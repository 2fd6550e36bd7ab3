"""Patched source writes the same rows to a real database as the loop did, in fewer queries."""

import shutil

import pytest
from msgspec.structs import replace

from tests.prescribe.test_django_in_real_life import HERE, runner
from tests.prescribe.test_django_in_real_life import database as database_of
from tests.prescribe.writes import advice
from unslow.lab.prescribe import (
    django_bulk_create,
    django_bulk_update,
    django_delete,
    django_update,
)
from unslow.model import Field, Model, Patch

PRICE = Model(
    label="shop.Price",
    orm="django",
    module="shop.models",
    name="Price",
    table="shop_price",
    fields=(
        Field("id", "id", "BigAutoField", primary_key=True),
        Field("amount", "amount", "DecimalField", scale=2),
        Field("weight", "weight", "FloatField"),
        Field("pieces", "pieces", "IntegerField"),
        Field("changed_at", "changed_at", "DateTimeField", on_save="now"),
    ),
    app_label="shop",
)
HEAD = """from decimal import Decimal

from django.utils import timezone

from shop.models import Price


def prices():
    Price.objects.bulk_create(
        Price(amount=Decimal(n) / 100, weight=n / 7, pieces=n % 9) for n in range(-300, 1300)
    )


def stored(start):
    rows = list(Price.objects.order_by("id"))
    values = [(r.id, str(r.amount), r.weight, r.pieces, r.changed_at > start) for r in rows]
    return values


"""
RUN = """def run():
    prices()
    start = timezone.now()
    change()
    return stored(start)
"""


@pytest.fixture
def shop(bench):
    (bench.root / "shop").mkdir()
    (bench.root / "shop/__init__.py").touch()
    shutil.copy(HERE / "shop_models.py", bench.root / "shop/models.py")
    return bench


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request):
    return request.param


def check(request, shop, engine, fixer, operation, change):
    """The patch, applied, leaves the same rows."""
    shop.write(f"{HEAD}{change}\n\n{RUN}")
    shop.give_site("shop.Order", "shop/models.py")
    database = "postgresql 18" if engine == "postgresql" else "sqlite 3"
    models = (replace(PRICE, site=shop.models[0].site),)
    (patch,) = advice(shop, fixer, operation, models=models, database=database)
    assert isinstance(patch, Patch), patch
    folder = shop.root.with_name(f"{shop.root.name}_patched")
    shutil.copytree(shop.root, folder)
    for path, text in shop.apply(patch).items():
        (folder / path).write_text(text)
    run = runner(database_of(request) if engine == "postgresql" else "")
    (before, expected), (after, found) = run(shop.root, folder)
    assert expected
    assert found == expected
    assert after < before


@pytest.mark.parametrize(
    "change",
    [
        "price.pieces = price.pieces * 3 - 1",
        "price.pieces += 10",
        "price.weight *= 1.1",
        "price.weight = price.weight * 0.3 + price.pieces",
        "price.amount = 0\n        price.pieces = None or 4",
    ],
)
def test_one_update(request, shop, engine, change):
    loop = f"def change():\n    for price in Price.objects.all():\n        {change}\n"
    check(request, shop, engine, django_update, "update", f"{loop}        «price.save()»\n")


@pytest.mark.parametrize(
    "change",
    [
        'price.amount = price.amount * Decimal("0.96")',
        'price.amount *= Decimal("1.2")',
        'price.amount = price.amount * Decimal("1.016")',
        'price.amount += Decimal("0.05")',
        "price.amount = price.amount * price.pieces",
    ],
)
def test_one_update_of_decimals(request, shop, change):
    loop = f"def change():\n    for price in Price.objects.all():\n        {change}\n"
    check(request, shop, "postgresql", django_update, "update", f"{loop}        «price.save()»\n")


@pytest.mark.parametrize("factor", ["1.1", "0.95", "1.125"])
def test_a_bulk_update_rounds_as_the_saves_did(request, shop, engine, factor):
    change = f"""def change():
    for price in Price.objects.all():
        price.amount = price.amount * Decimal("{factor}")
        «price.save()»
"""
    check(request, shop, engine, django_bulk_update, "update", change)


def test_a_bulk_insert(request, shop, engine):
    change = """def change():
    made = []
    for n in range(40):
        price = «Price.objects.create(amount=Decimal(n) / 3, pieces=n)»
        made.append(price)
    assert all(price.pk for price in made)
"""
    check(request, shop, engine, django_bulk_create, "insert", change)


@pytest.mark.parametrize("condition", ["", "if price.weight > 3: "])
def test_deleting_together(request, shop, engine, condition):
    change = f"""def change():
    for price in Price.objects.filter(pieces=4):
        {condition}«price.delete()»
"""
    check(request, shop, engine, django_delete, "delete", change)
