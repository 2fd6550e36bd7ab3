from fastapi import FastAPI
from sqlalchemy import text

from shop.database import Db
from shop.routers import (
    accounts,
    catalog,
    figures,
    lookups,
    rates,
    receipts,
    reports,
    sales,
    shares,
    storefront,
    upkeep,
)

app = FastAPI(title="Shop")
app.include_router(accounts.router)
app.include_router(catalog.router)
app.include_router(sales.router)
app.include_router(reports.router)
app.include_router(figures.router)
app.include_router(storefront.router)
app.include_router(shares.router)
app.include_router(rates.router)
app.include_router(receipts.router)
app.include_router(lookups.router)
app.include_router(upkeep.router)


@app.get("/health")
async def health(db: Db) -> dict:
    await db.execute(text("SELECT 1"))
    return {"status": "ok"}
