import json
import os
import urllib.request

from fastapi import APIRouter

from shop.partner import ask, rate

router = APIRouter(prefix="/rates")

PARTNER_URL = os.environ.get("PARTNER_URL", "http://localhost:8099")


@router.get("/today")
async def todays_rate() -> dict:
    with urllib.request.urlopen(f"{PARTNER_URL}/rates/today", timeout=5) as answer:
        return json.load(answer)


@router.get("/yesterday")
async def yesterdays_rate() -> dict:
    return rate("yesterday")


@router.get("/tomorrow")
async def tomorrows_rate() -> dict:
    return await ask("rates/tomorrow")
