"""Orders that are confirmed at the partner's rate."""

from fastapi import APIRouter
from sqlalchemy import update

from shop.database import Db
from shop.models import Order
from shop.partner import client

router = APIRouter()


@router.post("/orders/{order_id}/confirm")
async def confirm(order_id: int, db: Db) -> dict:
    await db.execute(update(Order).where(Order.id == order_id).values(status="paid"))
    rate = await client.get("/rates/usual")
    await db.commit()
    return {"order": order_id, "rate": rate.json()}


@router.post("/orders/{order_id}/confirm/later")
async def confirm_later(order_id: int, db: Db) -> dict:
    rate = await client.get("/rates/usual")
    await db.execute(update(Order).where(Order.id == order_id).values(status="paid"))
    await db.commit()
    return {"order": order_id, "rate": rate.json()}
