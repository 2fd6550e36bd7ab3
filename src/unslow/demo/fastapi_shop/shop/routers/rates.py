import asyncio
import json
import os
import urllib.request

import httpx
from fastapi import APIRouter
from sqlalchemy import func, select

from shop.database import Db
from shop.models import Country, OrderItem, Payment, Product, StockMovement
from shop.partner import ask, client, rate

router = APIRouter(prefix="/rates")

PARTNER_URL = os.environ.get("PARTNER_URL", "http://localhost:8099")

blocking = httpx.Client(base_url=PARTNER_URL, timeout=5)


@router.get("/today")
async def todays_rate() -> dict:
    with urllib.request.urlopen(f"{PARTNER_URL}/rates/today", timeout=5) as answer:
        return json.load(answer)


@router.get("/yesterday")
async def yesterdays_rate(db: Db) -> dict:
    countries = await db.scalar(select(func.count()).select_from(Country))
    return {**rate("yesterday"), "countries": countries}


@router.get("/tomorrow")
async def tomorrows_rate() -> dict:
    return await ask("rates/tomorrow")


@router.get("/pair")
async def pair_of_rates() -> dict:
    dollar = await ask("rates/dollar")
    yen = await ask("rates/yen")
    return {"dollar": dollar["value"], "yen": yen["value"]}


@router.get("/chain")
async def chained_rates() -> dict:
    """The second question depends on the first answer."""
    dollar = await ask("rates/dollar")
    other = await ask(f"rates/{dollar['value']}")
    return {"dollar": dollar["value"], "other": other["value"]}


@router.get("/volume")
async def volume(db: Db) -> dict:
    """What the partner wants to know of the shop's business."""
    moved = await db.scalar(select(func.sum(StockMovement.quantity)))
    sold = await db.scalar(select(func.sum(OrderItem.quantity)))
    paid = await db.scalar(select(func.sum(Payment.amount)))
    return {"moved": moved, "sold": sold, "paid": paid}


@router.get("/extremes")
async def extremes(db: Db) -> dict:
    return {
        "largest": await db.scalar(select(func.max(StockMovement.quantity))),
        "smallest": await db.scalar(select(func.min(StockMovement.quantity))),
    }


@router.get("/last")
async def largest_movement(db: Db) -> dict:
    """One read after another, because the second needs the first."""
    largest = await db.scalar(select(func.max(StockMovement.quantity)))
    scaled = await db.scalar(select(func.sum(OrderItem.quantity) * largest))
    return {"largest": largest, "scaled": scaled}


@router.get("/fresh")
async def fresh_rate() -> dict:
    async with httpx.AsyncClient(timeout=5) as http:
        answer = await http.get(f"{PARTNER_URL}/rates/fresh")
        answer.raise_for_status()
    return answer.json()


@router.get("/spot")
async def spot_rate() -> dict:
    answer = blocking.get("/rates/spot")
    return answer.json()


@router.get("/patient")
async def patient_rate() -> dict:
    answer = await client.get("/rates/patient", timeout=None)
    return answer.json()


@router.get("/turnover")
async def turnover(db: Db) -> dict:
    """The totals of a shop that has countries to sell to."""
    if not await db.scalar(select(func.count()).select_from(Country)):
        return {}
    sold, paid = await asyncio.gather(
        db.scalar(select(func.sum(OrderItem.quantity))),
        db.scalar(select(func.sum(Payment.amount))),
    )
    return {"sold": sold, "paid": paid}


@router.get("/weekend")
async def weekend_rates() -> dict:
    saturday, sunday = await asyncio.gather(ask("rates/saturday"), ask("rates/sunday"))
    return {"saturday": saturday["value"], "sunday": sunday["value"]}


@router.get("/stock")
async def partner_stock(db: Db) -> list[dict]:
    """What the partner has of the newest products."""
    skus = (await db.scalars(select(Product.sku).order_by(Product.id.desc()).limit(6))).all()
    rows = []
    for sku in skus:
        answer = await ask(f"stock/{sku}")
        rows.append({"sku": sku, "stock": answer["value"]})
    return rows


@router.get("/prices")
async def partner_prices(db: Db) -> list[int]:
    skus = (await db.scalars(select(Product.sku).order_by(Product.id).limit(6))).all()
    answers = [await ask(f"prices/{sku}") for sku in skus]
    return [answer["value"] for answer in answers]


@router.get("/offers")
async def partner_offers(db: Db) -> list[int]:
    skus = (await db.scalars(select(Product.sku).order_by(Product.id).limit(6))).all()
    answers = await asyncio.gather(*[ask(f"offers/{sku}") for sku in skus])
    return [answer["value"] for answer in answers]
