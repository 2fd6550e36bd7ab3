import json

from fastapi import APIRouter
from sqlalchemy import distinct, func, select

from shop.cache import cache
from shop.database import Db
from shop.models import Company, Country, Customer, Order, OrderItem, Product

router = APIRouter(prefix="/screens")


@router.get("/turnover")
async def turnover(db: Db) -> list[dict]:
    """For the screen in the hall, the same for everybody."""
    rows = await db.execute(
        select(
            Country.name,
            func.count(distinct(Order.id)).label("orders"),
            func.sum(OrderItem.quantity).label("sold"),
        )
        .join(Order, Order.id == OrderItem.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .join(Company, Company.id == Customer.company_id)
        .join(Country, Country.id == Company.country_id)
        .group_by(Country.name)
        .order_by(Country.name)
    )
    return [dict(row) for row in rows.mappings()]


@router.get("/turnover/{supplier_id}")
async def supplier_turnover(supplier_id: int, db: Db) -> list[dict]:
    key = f"turnover:{supplier_id}"
    kept = await cache.get(key)
    if kept is not None:
        return json.loads(kept)
    rows = await db.execute(
        select(
            Product.sku,
            func.sum(OrderItem.quantity).label("sold"),
            func.count(distinct(OrderItem.order_id)).label("orders"),
        )
        .join(Product, Product.id == OrderItem.product_id)
        .where(OrderItem.order_id <= 8000, Product.supplier_id != supplier_id)
        .group_by(Product.sku)
        .order_by(func.sum(OrderItem.quantity).desc(), Product.sku)
        .limit(20)
    )
    sold = [dict(row) for row in rows.mappings()]
    await cache.set(key, json.dumps(sold), ex=300)
    return sold


@router.get("/visited")
async def visited() -> dict:
    """How many products were looked at."""
    return {"visited": len(await cache.keys("visits:*"))}


@router.get("/visited/today")
async def visited_today() -> dict:
    return {"visited": await cache.scard("visited-today")}


@router.get("/products/{product_id}/teaser")
async def teaser(product_id: int, db: Db) -> dict:
    product = await db.get_one(Product, product_id)
    text = f"{product.name}, now {product.price}"
    await cache.set(f"teaser:{product_id}", text)
    return {"teaser": text}


@router.get("/products/{product_id}/teaser/short")
async def short_teaser(product_id: int, db: Db) -> dict:
    product = await db.get_one(Product, product_id)
    await cache.set(f"short-teaser:{product_id}", product.name, ex=60)
    return {"teaser": product.name}
