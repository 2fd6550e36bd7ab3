import asyncio
import pickle
from pathlib import Path
from types import FunctionType

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from jinja2 import Environment, FileSystemLoader
from models import Company, Customer, Item, Order, Product
from pydantic import BaseModel, ConfigDict
from sqlalchemy import exists, func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import joinedload, selectinload, subqueryload


class CustomerOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    name: str


class OrderOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    customer: CustomerOut


def forward(session):
    statement = select(Order).where(Order.status == "open").order_by(Order.id)
    return [order.customer.name for order in session.scalars(statement)]


def two_levels(session):
    return [order.customer.company.name for order in session.scalars(select(Order))]


def collection(session):
    return [[item.quantity for item in order.items] for order in session.scalars(select(Order))]


def collection_then_forward(session):
    orders = session.execute(select(Order)).scalars().all()
    return [[item.product.name for item in order.items] for order in orders]


def many_to_many(session):
    return [[tag.name for tag in order.tags] for order in session.scalars(select(Order))]


def in_property(session):
    return [order.company_name for order in session.scalars(select(Order))]


def get_per_row(session):
    orders = session.scalars(select(Order.customer_id)).all()
    return [session.get(Customer, key).name for key in orders]


def got(session):
    return session.get(Order, 1).customer.name


def select_per_row(session):
    keys = session.scalars(select(Order.id)).all()
    return [session.scalars(select(Item).where(Item.order_id == key)).all() for key in keys]


def count_per_row(session):
    keys = session.scalars(select(Order.id)).all()
    return [
        session.scalar(select(func.count()).select_from(Item).where(Item.order_id == key))
        for key in keys
    ]


def exists_per_row(session):
    keys = session.scalars(select(Order.id)).all()
    return [session.scalar(select(exists().where(Item.order_id == key))) for key in keys]


def deferred_column(session):
    return [order.notes for order in session.scalars(select(Order))]


def expired(session):
    orders = session.scalars(select(Order)).all()
    session.commit()
    return [order.status for order in orders]


def refreshed(session):
    order = session.get(Order, 1)
    session.refresh(order)
    return order.status


def joined(session):
    statement = select(Order).options(joinedload(Order.customer))
    return [order.customer.company.name for order in session.scalars(statement)]


def select_in(session):
    statement = select(Order).options(selectinload(Order.items))
    return [[item.product.name for item in order.items] for order in session.scalars(statement)]


def select_in_nested(session):
    statement = select(Order).options(
        joinedload(Order.customer).selectinload(Customer.orders).selectinload(Order.tags)
    )
    return [len(order.customer.orders) for order in session.scalars(statement)]


def subquery(session):
    statement = select(Order).options(subqueryload(Order.items))
    return [[item.product.name for item in order.items] for order in session.scalars(statement)]


def query_all(session):
    return [order.customer.name for order in session.query(Order).filter_by(status="open").all()]


def query_first(session):
    return session.query(Order).order_by(Order.id).first().customer.name


def query_count(session):
    return session.query(Order).count()


def two_entities(session):
    statement = select(Order, Item).join(Item.order)
    return [(order.id, item.product.name) for order, item in session.execute(statement)]


def built_in_steps(session):
    statement = select(Order)
    statement = statement.where(Order.status == "open")
    return [order.customer.name for order in session.scalars(statement)]


def aggregate(session):
    return session.scalar(select(func.sum(Item.quantity)))


def plain_sql(session):
    return session.execute(
        text("select count(*) from orders where status = :s"), {"s": "open"}
    ).scalar()


def core(session):
    table = Order.__table__
    return session.connection().execute(select(table.c.id)).all()


def writes(session):
    product = Product(name="new")
    session.add(product)
    session.flush()
    product.name = "newer"
    session.flush()
    session.execute(update(Product).where(Product.name == "newer").values(name="newest"))
    session.delete(product)
    session.flush()


def pickled(session):
    orders = session.scalars(select(Order).options(joinedload(Order.customer))).all()
    dump = pickle.dumps(orders)
    return "unslow in it" if b"unslow.observe" in dump else "no trace"


def dynamic(session):
    return [order.comments.filter_by(text="hm").all() for order in session.scalars(select(Order))]


def rendered(session):
    templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"))
    orders = session.scalars(select(Order).order_by(Order.id)).all()
    return templates.get_template("orders.html").render(orders=orders)


def failing(session):
    try:
        session.execute(text("select * from nowhere"))
    except DBAPIError:
        session.rollback()
    return session.get(Order, 1).id


def served(session):
    app = FastAPI()

    @app.get("/orders", response_model=list[OrderOut])
    def orders():
        return session.scalars(select(Order).order_by(Order.id)).all()

    async def ask():
        transport = ASGITransport(app)
        async with AsyncClient(transport=transport, base_url="http://shop") as client:
            return (await client.get("/orders")).json()

    return asyncio.run(ask())


def extended_by_helper(session):
    return [order.customer.name for order in session.scalars(_paged(select(Order), size=2))]


def _paged(statement, *, size):
    statement = statement.order_by(None)
    return statement.order_by(Order.id).limit(size)


def _statement_of(status):
    return select(Order).where(Order.status == status)


def in_helper(session):
    return [order.customer.name for order in session.scalars(_statement_of("open"))]


SYNC = {
    name: value
    for name, value in list(globals().items())
    if isinstance(value, FunctionType) and value.__module__ == __name__ and name[0] != "_"
}


async def awaitable(session):
    orders = await session.scalars(select(Order).order_by(Order.id))
    return [(await order.awaitable_attrs.customer).name for order in orders]


async def async_get(session):
    keys = (await session.execute(select(Order.customer_id))).scalars().all()
    return [(await session.get(Customer, key)).name for key in keys]


async def run_sync(session):
    return await session.run_sync(two_levels)


async def streamed(session):
    result = await session.stream_scalars(select(Order).order_by(Order.id))
    return [order.id async for order in result]


async def gathered(maker):
    async def name(key):
        async with maker() as session:
            return (await session.get(Company, key)).name

    return await asyncio.gather(*[name(key) for key in (1, 2, 3)])


ASYNC = {
    name: globals()[name] for name in ("awaitable", "async_get", "run_sync", "streamed", "gathered")
}
