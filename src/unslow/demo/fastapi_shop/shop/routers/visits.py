from fastapi import APIRouter
from sqlalchemy import select

from shop.cache import cache
from shop.database import Db
from shop.models import Product

router = APIRouter(prefix="/visits")


@router.get("/products")
async def product_visits(db: Db, page: int = 1) -> list[dict]:
    """How often each product was looked at, as the storefront counts it."""
    products = await db.scalars(
        select(Product).order_by(Product.id).limit(100).offset((page - 1) * 100)
    )
    rows = []
    for product in products:
        visits = await cache.get(f"visits:{product.id}")
        rows.append({"sku": product.sku, "visits": int(visits or 0)})
    return rows


@router.get("/latest")
async def latest_visits(db: Db) -> list[dict]:
    products = (await db.scalars(select(Product).order_by(Product.id.desc()).limit(50))).all()
    visits = await cache.mget([f"visits:{product.id}" for product in products])
    return [
        {"sku": product.sku, "visits": int(count or 0)}
        for product, count in zip(products, visits, strict=True)
    ]
