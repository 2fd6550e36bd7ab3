from datetime import date

from fastapi import APIRouter, HTTPException
from sqlalchemy import func, select

from shop.database import Db
from shop.models import Country, Customer, Review, Shipment, StockMovement, Supplier

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


@router.get("/reviews/search")
async def search_reviews(db: Db, q: str = "buyer 1234") -> dict:
    found = select(Review.title).where(Review.title.ilike(f"%{q}%"))
    titles = await db.scalars(found.order_by(Review.id).limit(20))
    return {"reviews": list(titles)}


@router.get("/suppliers/search")
async def search_suppliers(db: Db, q: str = "works 1") -> dict:
    found = select(Supplier.name).where(Supplier.name.ilike(f"%{q}%"))
    names = await db.scalars(found.order_by(Supplier.id).limit(20))
    return {"suppliers": list(names)}


@router.get("/movements/archive")
async def movement_archive(db: Db, page: int = 0) -> dict:
    """The movements page by page; the last page is what one sees first."""
    count = await db.scalar(select(func.count()).select_from(StockMovement))
    pages = -(-count // 50)
    ordered = select(StockMovement).order_by(StockMovement.id)
    movements = await db.scalars(ordered.limit(50).offset(((page or pages) - 1) * 50))
    rows = [{"reference": movement.reference, "kind": movement.kind} for movement in movements]
    return {"pages": pages, "movements": rows}


@router.get("/movements/feed")
async def movement_feed(db: Db, after: int = 150_000) -> dict:
    """The movements after one that the client has."""
    later = select(StockMovement).where(StockMovement.id > after)
    movements = await db.scalars(later.order_by(StockMovement.id).limit(50))
    rows = [{"id": movement.id, "reference": movement.reference} for movement in movements]
    return {"movements": rows}


@router.get("/movements/moved")
async def moved_on(db: Db, day: date = date(2025, 6, 1)) -> dict:
    """How many pieces were moved on one day."""
    pieces = await db.scalar(
        select(func.sum(StockMovement.quantity)).where(func.date(StockMovement.happened_at) == day)
    )
    return {"pieces": pieces}


@router.get("/newcomers")
async def customers_of(db: Db, day: date = date(2025, 6, 1)) -> dict:
    """How many customers came on one day."""
    came = select(func.count(Customer.id)).where(func.date(Customer.created_at) == day)
    return {"customers": await db.scalar(came)}


@router.get("/reviews/worst")
async def worst_products(db: Db) -> dict:
    """The products with the most reviews of one star."""
    count = func.count(Review.id).label("bad")
    bad = select(Review.product_id, count).where(Review.rating == 1).group_by(Review.product_id)
    rows = await db.execute(bad.order_by(count.desc(), Review.product_id).limit(10))
    return {"products": [{"product": product, "bad": count} for product, count in rows]}
