import os

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from shop.database import Db
from shop.models import Order, Payment

router = APIRouter(prefix="/ledger")

LEDGER_URL = os.environ.get("DATABASE_URL", "postgresql://postgres@localhost:5432/shop").replace(
    "postgresql://", "postgresql+asyncpg://", 1
)
narrow = create_async_engine(LEDGER_URL, pool_size=1, max_overflow=0)
Narrow = async_sessionmaker(narrow)
loud = create_async_engine(LEDGER_URL, pool_size=5, echo=True)
Loud = async_sessionmaker(loud)


@router.get("/payments/{payment_id}")
async def payment(payment_id: int) -> dict:
    async with Narrow() as db:
        found = await db.get_one(Payment, payment_id)
        return {"amount": found.amount, "method": found.method}


@router.get("/orders/{order_id}")
async def order(order_id: int) -> dict:
    async with Loud() as db:
        found = await db.get_one(Order, order_id)
        return {"number": found.number, "total": found.total}


@router.get("/statuses/{order_id}")
async def status(order_id: int, db: Db) -> dict:
    found = await db.get_one(Order, order_id)
    return {"number": found.number, "status": found.status}


@router.get("/book")
async def book(db: Db) -> list[dict]:
    """The whole ledger, for the accountants' spreadsheet."""
    rows = await db.execute(
        select(Payment.id, Payment.reference, Payment.method, Payment.amount)
        .where(Payment.id <= 15000)
        .order_by(Payment.id)
    )
    return [dict(row) for row in rows.mappings()]
