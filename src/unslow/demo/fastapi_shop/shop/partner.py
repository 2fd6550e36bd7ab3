"""What the shop asks its partner."""

import json
import os
import urllib.request

import httpx

PARTNER_URL = os.environ.get("PARTNER_URL", "http://localhost:8099")

client = httpx.AsyncClient(base_url=PARTNER_URL, timeout=5)


async def ask(path: str) -> dict:
    return (await client.get(f"/{path}")).json()


def rate(day: str) -> dict:
    with urllib.request.urlopen(f"{PARTNER_URL}/rates/{day}", timeout=5) as answer:
        return json.load(answer)
