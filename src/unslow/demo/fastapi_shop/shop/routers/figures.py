from fastapi import APIRouter
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from shop.database import Db
from shop.models import Customer, Inventory, Order, Payment, Product, Review

router = APIRouter()


@router.get("/figures/stock")
async def stock(db: Db) -> dict:
    """How many pieces lie in the warehouses."""
    entries = (await db.scalars(select(Inventory).where(Inventory.quantity > 0))).all()
    pieces = sum(entry.quantity for entry in entries)
    mean = pieces / len(entries) if entries else 0
    return {"products": len(entries), "pieces": pieces, "mean": mean}


@router.get("/figures/stock/fast")
async def stock_in_the_database(db: Db) -> dict:
    totals = await db.execute(
        select(func.count(Inventory.id), func.sum(Inventory.quantity)).where(Inventory.quantity > 0)
    )
    products, pieces = totals.one()
    return {"products": products, "pieces": pieces}


@router.get("/figures/warehouses")
async def warehouses(db: Db) -> dict[str, int]:
    """How many pieces lie in each warehouse."""
    pieces: dict[str, int] = {}
    for entry in await db.scalars(select(Inventory).where(Inventory.quantity > 0)):
        pieces[entry.warehouse] = pieces.get(entry.warehouse, 0) + entry.quantity
    return pieces


@router.get("/figures/warehouses/fast")
async def warehouses_in_the_database(db: Db) -> dict[str, int]:
    pieces = select(Inventory.warehouse, func.sum(Inventory.quantity))
    rows = await db.execute(pieces.where(Inventory.quantity > 0).group_by(Inventory.warehouse))
    return dict(rows.all())


@router.get("/companies/{company_id}/revenue")
async def company_revenue(company_id: int, db: Db) -> dict:
    revenue = 0
    orders = select(Order).join(Order.customer).where(Customer.company_id == company_id)
    for order in await db.scalars(orders):
        revenue += order.total
    return {"revenue": revenue}


@router.get("/figures/ratings")
async def ratings(db: Db) -> list[int]:
    """The latest ratings, for the chart."""
    reviews = await db.scalars(select(Review).order_by(Review.id.desc()).limit(500))
    return [review.rating for review in reviews]


@router.get("/figures/ratings/latest")
async def latest_ratings(db: Db) -> list[int]:
    ratings = await db.scalars(select(Review.rating).order_by(Review.id.desc()).limit(500))
    return list(ratings)


@router.get("/figures/labels")
async def price_labels(db: Db) -> list[str]:
    """What the labels on the shelves say."""
    labels = []
    for product in await db.scalars(select(Product).order_by(Product.id).limit(300)):
        labels.append(f"{product.name} ({product.sku}): {product.price}")
    return labels


@router.get("/figures/complaints")
async def complaints(db: Db) -> dict:
    unhappy = await db.scalar(select(func.count(Review.id)).where(Review.rating <= 2))
    return {"unhappy": unhappy > 0}


@router.get("/figures/complaints/any")
async def any_complaint(db: Db) -> dict:
    found = await db.scalar(select(Review.id).where(Review.rating <= 2).limit(1))
    return {"unhappy": found is not None}


@router.get("/figures/scarce")
async def scarce(db: Db) -> dict:
    """Whether anything has to be ordered soon."""
    entries = (await db.scalars(select(Inventory).where(Inventory.quantity < 400))).all()
    if len(entries) > 0:
        return {"message": "Look at the shelves"}
    return {"message": "All is well"}


@router.get("/figures/discontinued")
async def discontinued(db: Db) -> list[dict]:
    products = await db.scalars(select(Product).order_by(Product.id))
    return [shown(product) for product in products if not product.active]


def shown(product: Product) -> dict:
    return {"sku": product.sku, "name": product.name, "price": product.price}


@router.get("/figures/discontinued/fast")
async def discontinued_in_sql(db: Db) -> list[dict]:
    products = select(Product).where(Product.active.is_(False)).order_by(Product.id)
    return [shown(product) for product in await db.scalars(products)]


@router.get("/figures/scarcest")
async def scarcest(db: Db) -> list[dict]:
    """What to order first."""
    entries = await db.scalars(select(Inventory))
    first = sorted(entries, key=lambda entry: entry.quantity)[:10]
    return [{"product": entry.product_id, "left": entry.quantity} for entry in first]


@router.get("/figures/amounts")
async def amounts(db: Db) -> list[dict]:
    payments = await db.scalars(
        select(Payment)
        .options(joinedload(Payment.order).joinedload(Order.customer))
        .order_by(Payment.id.desc())
        .limit(300)
    )
    return [
        {"id": payment.id, "amount": payment.amount, "method": payment.method}
        for payment in payments
    ]


@router.get("/figures/amounts/orders")
async def amounts_by_order(db: Db) -> list[dict]:
    payments = await db.scalars(
        select(Payment).options(joinedload(Payment.order)).order_by(Payment.id.desc()).limit(90)
    )
    return [{"amount": payment.amount, "order": payment.order.number} for payment in payments]


@router.get("/figures/dearest")
async def dearest(db: Db) -> dict:
    dearest_first = select(Product).order_by(Product.price.desc(), Product.id)
    product = (await db.scalars(dearest_first)).all()[0]
    return {"name": product.name, "price": product.price}


@router.get("/figures/cheapest")
async def cheapest(db: Db) -> dict:
    product = await db.scalar(select(Product).order_by(Product.price, Product.id).limit(1))
    return {"name": product.name, "price": product.price}
