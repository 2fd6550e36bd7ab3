"""Runs `shop.views.run(session)` of folders on real rows; prints how many queries, and its result.

A coroutine function runs on PostgreSQL through asyncpg, a plain one on SQLite.
"""

import asyncio
import inspect
import json
import os
import sys

from sqlalchemy import create_engine, event
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session


def rows() -> list[object]:
    from shop.models import Company, Customer, Item, Order, Product, Tag

    companies = [Company(name=f"company {n}") for n in range(3)]
    customers = [
        Customer(name=f"customer {n}", company=[None, *companies][n % 4]) for n in range(7)
    ]
    tags = [Tag(name=f"tag {n}") for n in range(3)]
    products = [Product(name=f"product {n}", tags=tags[: n % 4]) for n in range(5)]
    orders = [Order(total=n, customer=customers[n % 7]) for n in range(12)]
    items = [
        Item(order=order, product=products[(n + q) % 5], quantity=q + n % 3)
        for n, order in enumerate(orders)
        for q in range(n % 4)
    ]
    return [*companies, *customers, *tags, *products, *orders, *items]


def count(engine) -> list[str]:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda c, cur, sql, *rest: statements.append(sql))
    return statements


def run_sync(views) -> tuple[int, object]:
    from shop.models import Base

    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(rows())
        session.commit()
    statements = count(engine)
    with Session(engine) as session:
        result = views.run(session)
    return len(statements), result


async def run_async(views, dsn: str) -> tuple[int, object]:
    from shop.models import Base

    engine = create_async_engine(dsn)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine) as session:
        session.add_all(rows())
        await session.commit()
    statements = count(engine.sync_engine)
    async with AsyncSession(engine) as session:
        result = await views.run(session)
    await engine.dispose()
    return len(statements), result


def answer(folder: str, dsn: str) -> None:
    sys.path.insert(0, folder)
    from shop import views

    if inspect.iscoroutinefunction(views.run):
        queries, result = asyncio.run(run_async(views, dsn))
    else:
        queries, result = run_sync(views)
    print(json.dumps({"queries": queries, "result": result}, default=str), flush=True)


if __name__ == "__main__":
    dsn, *folders = sys.argv[1:]
    for folder in folders:
        child = os.fork()
        if not child:
            answer(folder, dsn)
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            sys.exit(1)
