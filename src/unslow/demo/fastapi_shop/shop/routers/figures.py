from fastapi import APIRouter
from sqlalchemy import func, select

from shop.database import Db
from shop.models import Customer, Inventory, Order

router = APIRouter()


@router.get("/figures/stock")
async def stock(db: Db) -> dict:
    """How many pieces lie in the warehouses."""
    entries = (await db.scalars(select(Inventory).where(Inventory.quantity > 0))).all()
    pieces = sum(entry.quantity for entry in entries)
    mean = pieces / len(entries) if entries else 0
    return {"products": len(entries), "pieces": pieces, "mean": mean}


@router.get("/figures/stock/fast")
async def stock_in_the_database(db: Db) -> dict:
    totals = await db.execute(
        select(func.count(Inventory.id), func.sum(Inventory.quantity)).where(Inventory.quantity > 0)
    )
    products, pieces = totals.one()
    return {"products": products, "pieces": pieces}


@router.get("/companies/{company_id}/revenue")
async def company_revenue(company_id: int, db: Db) -> dict:
    revenue = 0
    orders = select(Order).join(Order.customer).where(Customer.company_id == company_id)
    for order in await db.scalars(orders):
        revenue += order.total
    return {"revenue": revenue}
