from fastapi import APIRouter
from sqlalchemy import func, select

from shop.database import Db
from shop.models import Payment

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
