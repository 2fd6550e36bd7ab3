"""Patched source writes the same rows to PostgreSQL as the loop did, in fewer statements."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.prescribe.writes import advice
from unslow.lab.prescribe import (
    sqlalchemy_delete,
    sqlalchemy_flush_once,
    sqlalchemy_insert,
    sqlalchemy_update,
)
from unslow.model import Field, Model, Patch, Site

HERE = Path(__file__).parent
PRICE = Model(
    label="shop.models.Price",
    orm="sqlalchemy",
    module="shop.models",
    name="Price",
    table="prices",
    fields=(
        Field("id", "id", "Integer", primary_key=True),
        Field("amount", "amount", "Numeric", scale=2),
        Field("weight", "weight", "Float"),
        Field("pieces", "pieces", "Integer"),
    ),
)
HEAD = """from decimal import Decimal

from sqlalchemy import insert, select, update

from shop.models import Price


async def run(db):
    db.add_all(
        Price(amount=Decimal(n) / 100, weight=n / 7, pieces=n % 9) for n in range(-300, 1300)
    )
    await db.commit()
    await change(db)
    db.expire_all()
    rows = await db.scalars(select(Price).order_by(Price.id))
    return [(row.id, str(row.amount), row.weight, row.pieces) for row in rows]


"""
MODEL = """

class Price(Base):
    __tablename__ = "prices"

    id: Mapped[int] = mapped_column(primary_key=True)
    amount: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    weight: Mapped[float] = mapped_column(Float, default=0.1)
    pieces: Mapped[int] = mapped_column(default=1)
"""


@pytest.fixture
def check(bench, postgres):
    (bench.root / "shop").mkdir()
    (bench.root / "shop/__init__.py").touch()
    shutil.copy(HERE / "alchemy_models.py", bench.root / "shop/models.py")
    models = bench.root / "shop/models.py"
    head = "from decimal import Decimal\n\nfrom sqlalchemy import Float, Numeric\n"
    models.write_text(head + models.read_text() + MODEL)

    def check(fixer, operation, body):
        bench.write(HEAD + body)
        lines = (bench.root / "shop/views.py").read_text().splitlines()
        start = next(n for n, line in enumerate(lines, 1) if line.startswith("    for "))
        loop = Site("shop/views.py", start, start, 4, 5, "change")
        (patch,) = advice(bench, fixer, operation, models=(PRICE,), loop=loop)
        assert isinstance(patch, Patch), patch
        folder = bench.root.with_name(f"{bench.root.name}_patched")
        shutil.copytree(bench.root, folder)
        for path, text in bench.apply(patch).items():
            (folder / path).write_text(text)
        dsn = postgres.create(f"writes_{uuid4().hex[:12]}")
        dsn = dsn.replace("postgresql://", "postgresql+asyncpg://")
        command = [sys.executable, str(HERE / "run_sqlalchemy.py"), dsn, bench.root, folder]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        first, second = (json.loads(line) for line in done.stdout.splitlines())
        (before, expected), (after, found) = first.values(), second.values()
        assert expected
        assert found == expected
        assert 0 < after <= before

    return check


@pytest.mark.parametrize(
    "change",
    [
        'price.amount = price.amount * Decimal("1.1")',
        'price.amount *= Decimal("0.95")',
        'price.amount = price.amount - Decimal("0.05")',
        "price.amount = price.amount * price.pieces",
        "price.pieces = price.pieces * 3 - 1",
        "price.weight = price.weight * 0.3 + price.pieces",
        "price.pieces = 4",
    ],
)
def test_one_update(check, change):
    check(
        sqlalchemy_update,
        "update",
        f"""async def change(db):
    prices = await db.scalars(select(Price).where(Price.pieces > 2))
    for price in prices:
        {change}
    await «db.commit()»
""",
    )


def test_one_delete(check):
    check(
        sqlalchemy_delete,
        "delete",
        """async def change(db):
    for price in await db.scalars(select(Price).where(Price.pieces == 4)):
        await db.delete(price)
    await «db.commit()»
""",
    )


def test_one_insert(check):
    check(
        sqlalchemy_insert,
        "insert",
        """async def change(db):
    for n in range(40):
        await «db.execute(insert(Price).values(amount=Decimal(n) / 3, pieces=n))»
    await db.commit()
""",
    )


def test_one_flush(check):
    check(
        sqlalchemy_flush_once,
        "insert",
        """async def change(db):
    for n in range(40):
        db.add(Price(amount=Decimal(n) / 3, pieces=n))
        await «db.flush()»
    await db.commit()
""",
    )
