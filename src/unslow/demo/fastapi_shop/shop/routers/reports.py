import csv
import io
from datetime import UTC, date, datetime, time, timedelta

from fastapi import APIRouter, Response
from sqlalchemy import func, select

from shop.database import Db
from shop.models import Company, Country, Customer, Order, OrderItem, Product, StockMovement, User

router = APIRouter(prefix="/reports")


@router.get("/export")
async def export(db: Db, page: int = 1) -> Response:
    """The orders of a page as CSV, for the accountants."""
    text = io.StringIO()
    writer = csv.writer(text)
    orders = await db.scalars(select(Order).order_by(Order.id).limit(100).offset(page * 100 - 100))
    for order in orders:
        writer.writerow(await export_row(order, db))
    return Response(text.getvalue(), media_type="text/csv")


async def export_row(order: Order, db: Db) -> list:
    billing = await billing_columns(order)
    return [order.number, order.total, *billing, await seller(order, db)]


async def billing_columns(order: Order) -> list:
    customer: Customer = await order.awaitable_attrs.customer
    company: Company = await customer.awaitable_attrs.company
    country: Country = await company.awaitable_attrs.country
    return [customer.name, company.name, company.vat_number, country.code]


async def seller(order: Order, db: Db) -> str:
    if order.placed_by_id is None:
        return ""
    user = await db.get_one(User, order.placed_by_id)
    return user.username


@router.get("/companies")
async def companies(db: Db, page: int = 1) -> list[dict]:
    """How many customers each company has, and who they are."""
    listed = await db.scalars(
        select(Company).order_by(Company.vat_number, Company.id).limit(100).offset(page * 100 - 100)
    )
    rows = []
    for company in listed:
        count = await db.scalar(
            select(func.count(Customer.id)).where(Customer.company_id == company.id)
        )
        names = await db.scalars(
            select(Customer.name).where(Customer.company_id == company.id).order_by(Customer.id)
        )
        rows.append({"company": company.name, "customers": count, "names": names.all()})
    return rows


@router.get("/turnover")
async def turnover(db: Db, page: int = 1) -> list[dict]:
    """How often each product was moved in the warehouse."""
    products = await db.scalars(
        select(Product).order_by(Product.sku).limit(20).offset((page - 1) * 20)
    )
    rows = []
    for product in products:
        moved = await db.scalar(
            select(func.count(StockMovement.id)).where(StockMovement.product_id == product.id)
        )
        rows.append({"sku": product.sku, "moved": moved})
    return rows


@router.get("/bestsellers")
async def bestsellers(db: Db) -> list[dict]:
    rows = []
    for product_id, sold in await db.execute(best_products()):
        product = await db.execute(
            select(Product.name, Product.price).where(Product.id == product_id)
        )
        name, price = product.one()
        rows.append({"name": name, "price": price, "sold": sold})
    return rows


@router.get("/bestsellers/fast")
async def bestsellers_in_one_query(db: Db) -> list[dict]:
    best = best_products().subquery()
    rows = await db.execute(
        select(Product.name, Product.price, best.c.sold)
        .join(best, best.c.product_id == Product.id)
        .order_by(best.c.sold.desc(), Product.id)
    )
    return [{"name": name, "price": price, "sold": sold} for name, price, sold in rows]


def best_products():
    sold = func.sum(OrderItem.quantity).label("sold")
    return (
        select(OrderItem.product_id, sold)
        .where(OrderItem.order_id <= 1000)
        .group_by(OrderItem.product_id)
        .order_by(sold.desc(), OrderItem.product_id)
        .limit(100)
    )


@router.get("/day")
async def revenue_of_day(db: Db, day: date = date(2025, 6, 1)) -> dict:
    """What was ordered on one day."""
    start = datetime.combine(day, time(), UTC)
    totals = await db.execute(
        select(func.count(Order.id), func.sum(Order.total)).where(
            Order.placed_at >= start, Order.placed_at < start + timedelta(days=1)
        )
    )
    orders, revenue = totals.one()
    return {"orders": orders, "revenue": revenue}


@router.get("/statuses")
async def statuses(db: Db) -> dict:
    rows = await db.execute(
        select(Order.status, func.count()).group_by(Order.status).order_by(Order.status)
    )
    return dict(rows.tuples().all())
