"""Runs the functions of work.py under the recorder and prints what it saw as JSON."""

import asyncio
import json
import os
import sys

PROJECT = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, PROJECT)

from unslow.observe import _follow, _imports, _integrations, _record, _sites, _wire  # noqa: E402

sent = []
_wire.send = sent.append
_wire.ask = lambda question: {"path": question.get("path"), "params": question.get("params")}
_record.configure(os.environ.get("UNSLOW_LEVEL", "full"), "token")
_sites.configure([PROJECT], [])
_imports.watch()
_follow.install()
_integrations.install()

import sqlalchemy  # noqa: E402
from models import Base, Company, Customer, Item, Order, Product, Tag  # noqa: E402
from sqlalchemy import create_engine  # noqa: E402
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine  # noqa: E402
from sqlalchemy.orm import Session  # noqa: E402
from work import ASYNC, SYNC  # noqa: E402


def fill(session):
    tags = [Tag(name="new"), Tag(name="big")]
    products = [Product(name="pen"), Product(name="ink")]
    for number in range(3):
        customer = Customer(name=f"customer {number}", company=Company(name=f"company {number}"))
        items = [Item(product=product) for product in products]
        session.add(Order(customer=customer, items=items, tags=tags))
    session.commit()


def started(path):
    record = _record.RequestRecord("", "GET", path, threaded=False)
    return record, _record.enter(record)


def ended(record, answer):
    record.closed = True
    return {"queries": record.queries, "body": str(answer)}


def synchronous(engine):
    for name, function in SYNC.items():
        with Session(engine) as session:
            record, left = started(name)
            answer = function(session)
            _record.leave(left)
            yield name, ended(record, answer)


async def asynchronous(url):
    engine = create_async_engine(url)
    maker = async_sessionmaker(engine, expire_on_commit=False)
    results = {}
    for name, function in ASYNC.items():
        async with maker() as session:
            record, _ = started(name)
            answer = await function(maker if name == "gathered" else session)
            results[name] = ended(record, answer)
    await engine.dispose()
    return results


def main():
    url = os.environ["PROJECT_URL"]
    engine = create_engine(url, pool_pre_ping=True)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        fill(session)
    requests = dict(synchronous(engine))
    if os.environ.get("PROJECT_ASYNC_URL"):
        requests |= asyncio.run(asynchronous(os.environ["PROJECT_ASYNC_URL"]))
    from unslow.observe import sqlalchemy as integration

    print(
        json.dumps(
            {
                "requests": requests,
                "errors": [message for message in sent if message["type"] == "error"],
                "describe": integration.describe(),
                "sqlalchemy": sqlalchemy.__version__,
            },
            default=str,
        )
    )


if __name__ == "__main__":
    main()
