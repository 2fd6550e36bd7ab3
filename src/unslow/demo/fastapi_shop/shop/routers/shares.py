from fastapi import APIRouter
from sqlalchemy import func, select

from shop.database import Db
from shop.models import Customer, Order, Payment

router = APIRouter()


@router.get("/shares/payments")
async def payment_shares(db: Db) -> dict:
    """How the payments divide among the methods."""
    if not await db.scalar(select(func.sum(Payment.amount))):
        return {"shares": {}}
    sums = await db.execute(
        select(Payment.method, func.sum(Payment.amount))
        .group_by(Payment.method)
        .order_by(Payment.method)
    )
    whole = await db.scalar(select(func.sum(Payment.amount)))
    return {"shares": {method: round(float(total / whole), 4) for method, total in sums}}


@router.get("/shares/payments/at-once")
async def payment_shares_at_once(db: Db) -> dict:
    whole = await db.scalar(select(func.sum(Payment.amount)))
    if not whole:
        return {"shares": {}}
    sums = await db.execute(
        select(Payment.method, func.sum(Payment.amount))
        .group_by(Payment.method)
        .order_by(Payment.method)
    )
    return {"shares": {method: round(float(total / whole), 4) for method, total in sums}}


@router.get("/shares/customers")
async def customer_shares(db: Db, page: int = 1) -> dict:
    customers = await db.scalars(
        select(Customer).order_by(Customer.email.desc()).limit(50).offset((page - 1) * 50)
    )
    spenders = []
    for customer in customers:
        spent = await db.scalar(
            select(func.sum(Order.total)).where(Order.customer_id == customer.id)
        )
        spenders.append({"name": customer.name, "spent": float(spent or 0)})
    return {"customers": spenders}


@router.get("/shares/customers/at-once")
async def customer_shares_at_once(db: Db, page: int = 1) -> dict:
    rows = await db.execute(
        select(Customer.name, func.coalesce(func.sum(Order.total), 0))
        .outerjoin(Order, Order.customer_id == Customer.id)
        .group_by(Customer.id)
        .order_by(Customer.email.desc())
        .limit(50)
        .offset((page - 1) * 50)
    )
    return {"customers": [{"name": name, "spent": float(spent)} for name, spent in rows]}
