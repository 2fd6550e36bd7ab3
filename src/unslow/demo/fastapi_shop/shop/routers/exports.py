from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field, TypeAdapter
from sqlalchemy import select
from typing_extensions import TypedDict

from shop.database import Db
from shop.models import StockMovement

router = APIRouter(prefix="/exports")


class Movement(TypedDict):
    id: int
    quantity: int
    reference: str
    happened_at: datetime


class Sale(Movement):
    kind: Literal["sale"]


class Purchase(Movement):
    kind: Literal["purchase"]


class Return(Movement):
    kind: Literal["return"]


class Correction(Movement):
    kind: Literal["correction"]


Line = Annotated[Sale | Purchase | Return | Correction, Field(discriminator="kind")]


async def newest(db: Db) -> list[dict]:
    movements = await db.execute(
        select(
            StockMovement.id,
            StockMovement.kind,
            StockMovement.quantity,
            StockMovement.reference,
            StockMovement.happened_at,
        )
        .order_by(StockMovement.id.desc())
        .limit(20)
    )
    return [dict(movement) for movement in movements.mappings()]


@router.get("/movements")
async def exported(db: Db) -> list[dict]:
    """What the accountant gets: every line is checked before it leaves."""
    lines = TypeAdapter(list[Line])
    return lines.validate_python(await newest(db))


CHECKED = TypeAdapter(list[Line])


@router.get("/movements/checked")
async def exported_by_one(db: Db) -> list[dict]:
    return CHECKED.validate_python(await newest(db))
