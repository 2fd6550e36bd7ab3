"""The servers that tests share: a real PostgreSQL and a real Redis, once per session."""

from collections.abc import Iterator

import pytest

from unslow.demo.partner import partner as run_partner
from unslow.demo.postgres import Postgres
from unslow.demo.postgres import postgres as run_postgres
from unslow.demo.redis import Redis
from unslow.demo.redis import redis as run_redis


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with run_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    with run_redis() as server:
        yield server


@pytest.fixture(scope="session")
def partner() -> Iterator[str]:
    """The URL of the service that the shops ask."""
    with run_partner() as url:
        yield url
