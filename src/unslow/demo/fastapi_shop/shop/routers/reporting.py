from fastapi import APIRouter
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool

from shop.database import DATABASE_URL, Db
from shop.models import Payment

router = APIRouter(prefix="/reporting")

# The replica, so that reports do not disturb the shop.
engine = create_async_engine(
    DATABASE_URL.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=NullPool
)
Reporting = async_sessionmaker(engine)


@router.get("/methods")
async def payment_methods() -> dict:
    async with Reporting() as db:
        rows = await db.execute(
            select(Payment.method, func.count(Payment.id).label("payments"))
            .where(Payment.id <= 2000)
            .group_by(Payment.method)
            .order_by(Payment.method)
        )
        return {row.method: row.payments for row in rows}


@router.get("/methods/recent")
async def recent_methods(db: Db) -> dict:
    rows = await db.execute(
        select(Payment.method, func.count(Payment.id).label("payments"))
        .where(Payment.id <= 1000)
        .group_by(Payment.method)
        .order_by(Payment.method)
    )
    return {row.method: row.payments for row in rows}
