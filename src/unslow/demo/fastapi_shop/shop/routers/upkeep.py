"""What the warehouse does to many rows at once."""

from datetime import UTC, datetime
from decimal import Decimal

from fastapi import APIRouter
from sqlalchemy import insert, select, update

from shop.database import Db
from shop.models import Inventory, Product, StockMovement

router = APIRouter()


@router.post("/suppliers/{supplier_id}/stocktake")
async def stocktake(supplier_id: int, db: Db) -> dict:
    """Note for each product of a supplier that it was counted."""
    products = await db.scalars(
        select(Product).where(Product.supplier_id == supplier_id).order_by(Product.id)
    )
    counted = []
    for product in products:
        movement = StockMovement(
            product_id=product.id,
            kind="correction",
            quantity=0,
            reference=f"COUNT-{supplier_id}",
            happened_at=datetime.now(UTC),
        )
        db.add(movement)
        counted.append(product.sku)
        await db.flush()
    await db.commit()
    return {"counted": sorted(counted)}


@router.post("/suppliers/{supplier_id}/stocktake/core")
async def stocktake_in_core(supplier_id: int, db: Db) -> dict:
    products = await db.scalars(
        select(Product).where(Product.supplier_id == supplier_id).order_by(Product.id)
    )
    for product in products:
        await db.execute(
            insert(StockMovement).values(
                product_id=product.id,
                kind="correction",
                quantity=0,
                reference=f"COUNT-{supplier_id}",
                happened_at=datetime.now(UTC),
            )
        )
    await db.commit()
    return {"counted": supplier_id}


@router.post("/suppliers/{supplier_id}/stocktake/again")
async def count_again(supplier_id: int, db: Db) -> dict:
    keys = await db.scalars(
        select(Product.id).where(Product.supplier_id == supplier_id).order_by(Product.id)
    )
    lines = [
        {
            "product_id": key,
            "kind": "correction",
            "quantity": 0,
            "reference": f"COUNT-{supplier_id}",
            "happened_at": datetime.now(UTC),
        }
        for key in keys
    ]
    if lines:
        await db.execute(insert(StockMovement), lines)
    await db.commit()
    return {"counted": len(lines)}


@router.post("/suppliers/{supplier_id}/relocate")
async def relocate(supplier_id: int, db: Db) -> dict:
    """Move what a supplier's products have in stock to the new warehouse."""
    products = select(Product.id).where(Product.supplier_id == supplier_id)
    stock = await db.scalars(select(Inventory).where(Inventory.product_id.in_(products)))
    for inventory in stock:
        await db.execute(
            update(Inventory).where(Inventory.id == inventory.id).values(warehouse="Harbour")
        )
    await db.commit()
    return {"moved": supplier_id}


@router.post("/suppliers/{supplier_id}/relocate/at-once")
async def relocate_at_once(supplier_id: int, db: Db) -> dict:
    products = select(Product.id).where(Product.supplier_id == supplier_id)
    await db.execute(
        update(Inventory).where(Inventory.product_id.in_(products)).values(warehouse="Harbour")
    )
    await db.commit()
    return {"moved": supplier_id}


@router.post("/suppliers/{supplier_id}/counts")
async def forget_counts(supplier_id: int, db: Db) -> dict:
    """Start a new count: what the last one corrected goes, one line for each product comes."""
    products = (await db.scalars(select(Product).where(Product.supplier_id == supplier_id))).all()
    keys = [product.id for product in products]
    corrections = await db.scalars(
        select(StockMovement).where(
            StockMovement.product_id.in_(keys), StockMovement.kind == "correction"
        )
    )
    for movement in corrections:
        await db.delete(movement)
        await db.flush()
    now = datetime.now(UTC)
    db.add_all(
        StockMovement(product_id=key, kind="correction", quantity=0, reference="", happened_at=now)
        for key in sorted(keys)
    )
    await db.commit()
    return {"lines": len(keys)}


@router.post("/suppliers/{supplier_id}/prices")
async def reduce_prices(supplier_id: int, db: Db) -> dict:
    """Four per cent off what a supplier sells."""
    products = await db.scalars(select(Product).where(Product.supplier_id == supplier_id))
    for product in products:
        product.price = product.price * Decimal("0.96")
    await db.commit()
    return {"reduced": supplier_id}


@router.post("/suppliers/{supplier_id}/top-up")
async def top_up(supplier_id: int, db: Db) -> dict:
    """Ten more of everything."""
    products = select(Product.id).where(Product.supplier_id == supplier_id)
    stock = await db.scalars(select(Inventory).where(Inventory.product_id.in_(products)))
    for inventory in stock:
        inventory.quantity += 10
        await db.flush()
    await db.commit()
    return {"topped": supplier_id}


@router.post("/suppliers/{supplier_id}/recount")
async def recount(supplier_id: int, db: Db) -> dict:
    """Note for each product what was counted."""
    keys = await db.scalars(
        select(Product.id).where(Product.supplier_id == supplier_id).order_by(Product.id)
    )
    for key in keys:
        counted = StockMovement(
            product_id=key,
            kind="correction",
            quantity=1,
            reference=f"COUNT-{supplier_id}",
            happened_at=datetime.now(UTC),
        )
        db.add(counted)
        await db.commit()
    return {"counted": supplier_id}
