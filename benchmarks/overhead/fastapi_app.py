"""A FastAPI application whose page runs as many queries as its path says, watched by one tool."""

import os
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI

TOOL = os.environ["TOOL"]


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with asyncpg.create_pool(os.environ["DSN"], min_size=1, max_size=1) as app.state.pool:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/{count}/")
async def view(count: int) -> dict[str, str]:
    async with app.state.pool.acquire() as connection:
        for number in range(count):
            await connection.fetch("SELECT id, name FROM items WHERE id = $1", number)
    return {"state": "done"}


if TOOL.startswith("unslow"):
    from unslow.kit.asgi import Middleware

    app.add_middleware(Middleware, metrics=TOOL == "unslow metrics")
elif TOOL == "prometheus-fastapi-instrumentator":
    from prometheus_fastapi_instrumentator import Instrumentator

    Instrumentator().instrument(app)
