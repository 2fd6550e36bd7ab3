from datetime import UTC, datetime

from fastapi import APIRouter, HTTPException
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from shop.database import Db
from shop.models import (
    Category,
    Customer,
    Inventory,
    OrderItem,
    Product,
    Review,
    StockMovement,
    Supplier,
)
from shop.schemas import MovementOut, NewReview, ProductOut

router = APIRouter()

FEATURED = ["garden", "kitchen", "office"]


@router.get("/products")
async def list_products(db: Db, page: int = 1) -> list[ProductOut]:
    products = await db.scalars(
        select(Product).order_by(Product.name, Product.id).limit(20).offset((page - 1) * 20)
    )
    listed = products.all()
    for product in listed:
        supplier = await product.awaitable_attrs.supplier
        await supplier.awaitable_attrs.country
        await product.awaitable_attrs.categories
        await product.awaitable_attrs.tags
    return [ProductOut.model_validate(product) for product in listed]


@router.get("/products/compact")
async def compact_products(db: Db, page: int = 1) -> list[dict]:
    products = await db.scalars(
        select(Product)
        .options(joinedload(Product.supplier), selectinload(Product.tags))
        .order_by(Product.sku)
        .limit(20)
        .offset((page - 1) * 20)
    )
    return [
        {
            "sku": product.sku,
            "name": product.name,
            "supplier": product.supplier.name,
            "tags": [tag.name for tag in product.tags],
        }
        for product in products
    ]


@router.get("/products/{product_id}/compare")
async def compare(product_id: int, db: Db) -> dict:
    """A product next to its neighbour in the catalogue, the first one to the second."""
    neighbour_id = max(product_id - 1, 2)
    left = await db.get(Product, product_id, options=[joinedload(Product.supplier)])
    right = await db.get(Product, neighbour_id, options=[joinedload(Product.supplier)])
    if left is None or right is None:
        raise HTTPException(404)
    return {
        "names": [left.name, right.name],
        "prices": [left.price, right.price],
        "suppliers": [left.supplier.name, right.supplier.name],
    }


@router.get("/products/popular")
async def popular_products(db: Db, page: int = 1) -> list[dict]:
    products = await db.scalars(
        select(Product)
        .where(Product.active)
        .order_by(Product.sku)
        .limit(100)
        .offset((page - 1) * 100)
    )
    popular = []
    for product in products:
        query = select(func.count(Review.id)).where(Review.product_id == product.id)
        reviews = await db.scalar(query)
        sold = await db.scalar(select(exists().where(OrderItem.product_id == product.id)))
        popular.append({"sku": product.sku, "reviews": reviews, "sold": sold})
    return popular


@router.get("/products/praised")
async def praised_products(db: Db, page: int = 1) -> list[dict]:
    products = await db.scalars(
        select(Product).order_by(Product.sku.desc()).limit(100).offset((page - 1) * 100)
    )
    praised = []
    for product in products:
        titles = await db.scalars(
            select(Review.title)
            .where(Review.product_id == product.id, Review.rating == 5)
            .order_by(Review.id)
        )
        praised.append({"sku": product.sku, "name": product.name, "praise": titles.all()})
    return praised


@router.get("/products/prices")
async def price_list(db: Db) -> dict:
    """All prices, read in chunks so that the memory stays bounded."""
    ids = (await db.scalars(select(Product.id).order_by(Product.id).limit(500))).all()
    prices = {}
    for start in range(0, len(ids), 100):
        chunk = ids[start : start + 100]
        rows = await db.execute(
            select(Product.sku, Product.price).where(Product.id.in_(chunk)).order_by(Product.id)
        )
        for sku, price in rows:
            prices[sku] = price
    return prices


@router.get("/products/search")
async def search_products(db: Db, q: str = "", page: int = 1) -> list[ProductOut]:
    return await db.run_sync(found_products, q, page)


def found_products(session: Session, text: str, page: int) -> list[ProductOut]:
    products = select(Product).where(Product.active)
    if text:
        products = products.where(Product.name.icontains(text))
    ranked = products.order_by(Product.price, Product.id).limit(20).offset((page - 1) * 20)
    return [ProductOut.model_validate(product) for product in session.scalars(ranked)]


@router.get("/products/stock")
async def stock_list(db: Db, page: int = 1) -> list[dict]:
    products = await db.scalars(
        select(Product)
        .where(Product.active)
        .order_by(Product.id)
        .limit(100)
        .offset(page * 100 - 100)
    )
    stock = []
    for product in products:
        inventory: Inventory = await product.awaitable_attrs.inventory
        stock.append(
            {
                "sku": product.sku,
                "origin": await origin(product),
                "quantity": inventory.quantity,
                "warehouse": inventory.warehouse,
            }
        )
    return stock


async def origin(product: Product) -> str:
    supplier = await product.awaitable_attrs.supplier
    country = await supplier.awaitable_attrs.country
    return f"{supplier.name}, {country.name}"


@router.get("/products/{product_id}")
async def show_product(product_id: int, db: Db) -> dict:
    product = await db.get(Product, product_id)
    if product is None:
        raise HTTPException(404)
    reviews = []
    for review in await product.awaitable_attrs.reviews:
        customer = await db.get_one(Customer, review.customer_id)
        reviews.append({"rating": review.rating, "title": review.title, "author": customer.name})
    return {"sku": product.sku, "name": product.name, "price": product.price, "reviews": reviews}


@router.get("/categories")
async def category_tree(db: Db) -> list[dict]:
    roots = await db.scalars(
        select(Category).where(Category.parent_id.is_(None)).order_by(Category.name)
    )
    return [await branch(category) for category in roots]


async def branch(category: Category) -> dict:
    children = await category.awaitable_attrs.children
    return {
        "slug": category.slug,
        "name": category.name,
        "children": [await branch(child) for child in children],
    }


@router.get("/categories/featured")
async def featured_categories(db: Db) -> list[dict]:
    featured = []
    for slug in FEATURED:
        name = await db.scalar(select(Category.name).where(Category.slug == slug))
        featured.append({"slug": slug, "name": name})
    return featured


@router.get("/suppliers")
async def list_suppliers(db: Db, page: int = 1) -> list[dict]:
    suppliers = await db.scalars(
        select(Supplier).order_by(Supplier.name, Supplier.id).limit(20).offset((page - 1) * 20)
    )
    return [
        {
            "id": supplier.id,
            "name": supplier.name,
            "country": (await supplier.awaitable_attrs.country).name,
            "products": [product.sku for product in await supplier.awaitable_attrs.products],
        }
        for supplier in suppliers
    ]


@router.post("/suppliers/{supplier_id}/restock")
async def restock(supplier_id: int, db: Db) -> dict:
    """Order what runs low, and tell how much of each product is on its way."""
    products = await db.scalars(
        select(Product)
        .where(Product.supplier_id == supplier_id, Product.active)
        .order_by(Product.id)
    )
    ordered = {}
    for product in products:
        inventory = await product.awaitable_attrs.inventory
        missing = 100 - inventory.quantity
        if missing > 0:
            db.add(purchase(product, missing))
            ordered[product.sku] = missing
    await db.commit()
    return ordered


def purchase(product: Product, quantity: int) -> StockMovement:
    return StockMovement(
        product_id=product.id,
        kind="purchase",
        quantity=quantity,
        reference=f"RESTOCK-{product.supplier_id}",
        happened_at=datetime.now(UTC),
    )


@router.post("/reviews", status_code=201)
async def create_review(review: NewReview, db: Db) -> dict:
    created = Review(**review.model_dump(), created_at=datetime.now(UTC))
    db.add(created)
    await db.commit()
    return {"title": created.title, "rating": created.rating}


@router.get("/reviews")
async def review_wall(db: Db, page: int = 1) -> list[str]:
    good = select(Review).where(Review.rating >= 3).order_by(Review.id)
    reviews = await db.stream_scalars(good.limit(100).offset((page - 1) * 100))
    return [
        f"{review.rating} of 5 for {await product_line(review)}, by {await author_line(review)}"
        for review in await reviews.all()
    ]


async def product_line(review: Review) -> str:
    product = await review.awaitable_attrs.product
    return f"{product.name} ({await origin(product)})"


async def author_line(review: Review) -> str:
    customer = await review.awaitable_attrs.customer
    company = await customer.awaitable_attrs.company
    return f"{customer.name} of {company.name}"


@router.get("/reviews/latest")
async def latest_reviews(db: Db, page: int = 1) -> list[dict]:
    reviews = await db.scalars(
        select(Review)
        .options(joinedload(Review.product))
        .order_by(Review.created_at.desc(), Review.id.desc())
        .limit(50)
        .offset((page - 1) * 50)
    )
    return [
        {
            "id": review.id,
            "product": review.product.name,
            "rating": review.rating,
            "title": review.title,
        }
        for review in reviews
    ]


@router.get("/movements/by-reference/{reference}")
async def movements_by_reference(reference: str, db: Db) -> list[MovementOut]:
    movements = await db.scalars(
        select(StockMovement).where(StockMovement.reference == reference).order_by(StockMovement.id)
    )
    return [MovementOut.model_validate(movement) for movement in movements]


@router.get("/movements/kind/{kind}")
async def latest_movements(kind: str, db: Db) -> list[MovementOut]:
    movements = select(StockMovement).where(StockMovement.kind == kind)
    latest = await db.scalars(
        movements.order_by(StockMovement.happened_at.desc(), StockMovement.id.desc()).limit(50)
    )
    return [MovementOut.model_validate(movement) for movement in latest]
