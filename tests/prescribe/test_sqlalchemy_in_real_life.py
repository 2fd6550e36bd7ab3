"""Patched source runs on a real database: the same result with fewer queries."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec.structs import replace

from unslow.lab.prescribe import sqlalchemy_eager_load, sqlalchemy_in_query
from unslow.model import Link, Origin

HERE = Path(__file__).parent
HEAD = "from sqlalchemy import exists, func, select\n\nfrom shop.models import Item, Order\n\n\n"


@pytest.fixture
def shop(alchemy):
    (alchemy.root / "shop").mkdir()
    (alchemy.root / "shop/__init__.py").touch()
    shutil.copy(HERE / "alchemy_models.py", alchemy.root / "shop/models.py")
    return alchemy


@pytest.fixture
def run(postgres):
    name = f"prescribe_{uuid4().hex[:12]}"
    dsn = postgres.create(name).replace("postgresql://", "postgresql+asyncpg://")

    def run(*folders: Path) -> list[tuple[int, object]]:
        command = [sys.executable, str(HERE / "run_sqlalchemy.py"), dsn, *map(str, folders)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        return [(answer["queries"], answer["result"]) for answer in answers]

    return run


def check(shop, run, patches, after):
    """Each patch alone gives what the source gave, in so many queries."""
    folders = [shop.root]
    for n, patch in enumerate(patches):
        folder = shop.root.with_name(f"{shop.root.name}_{n}")
        shutil.copytree(shop.root, folder)
        for path, text in shop.apply(patch).items():
            (folder / path).write_text(text)
        folders.append(folder)
    (queries, result), *patched = run(*folders)
    assert result
    assert [same for _, same in patched] == [result] * len(patches)
    assert [now for now, _ in patched] == after
    assert queries > max(after)


def per_row(shop, kind="get"):
    load = shop.load("customer", kind=kind, model="shop.models.Order", uses=tuple(shop.sites))
    return replace(load, load=replace(load.load, relation="", parent="", origin=None))


def test_relationships_of_a_sync_session(shop, run):
    shop.write(f"""{HEAD}def run(session):
    return [
        (o.id, o.customer.name, o.customer.company and o.customer.company.name,
         [(i.quantity, i.product.name, [t.name for t in i.product.tags]) for i in o.items])
        for o in session.scalars(«select(Order).order_by(Order.id).limit(9)»)
    ]
""")
    paths = ("customer", "customer.company", "items", "items.product", "items.product.tags")
    patches = shop.patches(sqlalchemy_eager_load, *map(shop.load, paths))
    check(shop, run, patches, [3, 6])


def test_awaitable_attributes_of_an_async_session(shop, run):
    shop.write(f"""{HEAD}async def run(session):
    rows = []
    for order in await session.scalars(«select(Order).order_by(Order.id)»):
        customer = await order.awaitable_attrs.customer
        items = await order.awaitable_attrs.items
        rows.append((order.id, customer.name, len(items)))
    return rows
""")
    patches = shop.patches(sqlalchemy_eager_load, shop.load("customer"), shop.load("items"))
    check(shop, run, patches, [2, 3])


def test_options_of_get(shop, run):
    shop.write(f"""{HEAD}async def run(session):
    def read(session):
        rows = []
        for pk in range(1, 13):
            order = «session.get(Order, pk)»
            rows.append([item.product.name for item in order.items])
        return rows

    return await session.run_sync(read)
""")
    patches = shop.patches(sqlalchemy_eager_load, shop.load("items.product"))
    check(shop, run, patches, [24, 33])


READS = {
    "get": ("get", "await session.get(Order, item.order_id)", "value.total"),
    "two steps": (
        "get",
        "await session.execute(select(Order).where(Order.id == item.order_id))",
        "value.scalar_one().total",
    ),
    "count": (
        "count",
        "await session.scalar(select(func.count()).select_from(Item)"
        ".where(Item.order_id == item.id))",
        "value",
    ),
    "exists": (
        "exists",
        "await session.scalar(select(exists().where(Item.order_id == item.id)))",
        "value",
    ),
    "rows": (
        "select",
        "await session.scalars(select(Item.quantity).where(Item.order_id == item.id)"
        ".order_by(Item.id.desc()))",
        "value.all()",
    ),
}


@pytest.mark.parametrize("case", READS)
def test_reads_per_row_become_one_query(shop, run, case):
    kind, read, value = READS[case]
    shop.write(f"""{HEAD}async def run(session):
    rows = []
    items = await session.scalars(select(Item).order_by(Item.id))
    for item in items:
        value = «{read}»
        rows.append((item.id, {value}))
    return rows
""")
    check(shop, run, shop.patches(sqlalchemy_in_query, per_row(shop, kind)), [2])


HELPERS = {
    "held": ("get", "(await «session.get_one(Order, item.order_id)»).total"),
    "passed": (
        "count",
        "«await session.scalar(select(func.count(Item.id)).where(Item.order_id == item.order_id))»",
    ),
}


@pytest.mark.parametrize("case", HELPERS)
def test_a_helper_is_served_ahead(shop, run, case):
    kind, read = HELPERS[case]
    shop.write(f"""{HEAD}async def total(item, session):
    return {read}


async def run(session):
    items = await session.scalars(select(Item).order_by(Item.id))
    return [«await total(item, session)» for item in items]
""")
    read_site, call = shop.sites
    load = per_row(shop, kind)
    chain = Origin("q", "shop.models.Order", (Link("get", (read_site, call)),))
    load = replace(load, uses=(read_site,), load=replace(load.load, queryset=chain))
    check(shop, run, shop.patches(sqlalchemy_in_query, load), [2])
