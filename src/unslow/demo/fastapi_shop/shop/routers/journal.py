from fastapi import APIRouter
from sqlalchemy import select

from shop.database import Db
from shop.models import StockMovement

router = APIRouter(prefix="/journal")

COLUMNS = (
    StockMovement.id,
    StockMovement.product_id,
    StockMovement.kind,
    StockMovement.quantity,
    StockMovement.reference,
    StockMovement.happened_at,
)


@router.get("/movements")
async def journal(db: Db, sheet: int = 1):
    """The warehouse's journal, a thousand movements a sheet."""
    movements = await db.execute(
        select(*COLUMNS).order_by(StockMovement.id).limit(1000).offset((sheet - 1) * 1000)
    )
    return [dict(movement) for movement in movements.mappings()]


@router.get("/rows")
async def journal_rows(db: Db) -> list[dict]:
    movements = await db.execute(select(*COLUMNS[:5]).order_by(StockMovement.id.desc()).limit(400))
    return [dict(movement) for movement in movements.mappings()]
