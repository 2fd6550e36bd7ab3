"""Runs in the FastAPI shop's folder: sends the calls on stdin, prints their status and queries."""

import asyncio
import json
import os
import sys

import httpx
from sqlalchemy import event

sys.path.insert(0, os.getcwd())

from shop.database import engine
from shop.main import app

queries = 0
route = ""


@event.listens_for(engine.sync_engine, "before_cursor_execute")
def count(*_: object) -> None:
    global queries
    queries += 1


async def remember_route(scope, receive, send) -> None:
    global route
    await app(scope, receive, send)
    route = scope["route"].path


async def main() -> None:
    global queries
    answers = {}
    transport = httpx.ASGITransport(remember_route)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        for endpoint, method, path, body in json.load(sys.stdin):
            queries = 0
            response = await client.request(
                method, path, content=body, headers={"content-type": "application/json"}
            )
            answers[endpoint] = (response.status_code, queries, f"{method} {route}")
    await engine.dispose()
    json.dump(answers, sys.stdout)


asyncio.run(main())
