"""A FastAPI application whose page runs as many queries as its path says, by SQLAlchemy's ORM."""

import os

from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import AsyncAdaptedQueuePool

TOOL = os.environ["TOOL"]
url = make_url(os.environ["DSN"]).set(drivername="postgresql+asyncpg")
engine = create_async_engine(url, poolclass=AsyncAdaptedQueuePool, pool_size=1)


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


app = FastAPI()


@app.get("/{count}/")
async def view(count: int) -> list[str]:
    names = []
    async with AsyncSession(engine) as session:
        for number in range(count):
            found = await session.scalars(select(Item).where(Item.id == number))
            names.append(found.one().name)
    return names


if TOOL.startswith("unslow"):
    from unslow.kit.asgi import Middleware

    app.add_middleware(Middleware)
