from fastapi import APIRouter, HTTPException
from sqlalchemy import func, select

from shop.database import Db
from shop.models import Country, Shipment

router = APIRouter()


@router.get("/shipments/find/{tracking_number}")
async def find_shipment(tracking_number: str, db: Db) -> dict:
    """What a customer typed, in whatever case."""
    shipment = await db.scalar(
        select(Shipment).where(func.lower(Shipment.tracking_number) == tracking_number.lower())
    )
    if shipment is None:
        raise HTTPException(404)
    return {"carrier": shipment.carrier, "shipped_at": shipment.shipped_at}


@router.get("/countries/find/{code}")
async def find_country(code: str, db: Db) -> dict:
    country = await db.scalar(select(Country).where(func.lower(Country.code) == code.lower()))
    if country is None:
        raise HTTPException(404)
    return {"name": country.name}
