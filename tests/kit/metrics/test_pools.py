"""What pools and connections of real libraries say of themselves, while somebody waits for one."""

import asyncio
import gc
import subprocess
import sys
import threading

import pytest

from unslow.kit import _pools


@pytest.fixture(scope="module")
def dsn(postgres) -> str:
    return postgres.create("metrics_pools")


@pytest.fixture(autouse=True)
def alone(monkeypatch) -> None:
    """No pool of another test."""
    gc.collect()
    monkeypatch.setattr(_pools, "_known", {})
    monkeypatch.setattr(_pools, "_names", set())


def url(dsn: str, driver: str) -> str:
    from psycopg.conninfo import conninfo_to_dict

    given = conninfo_to_dict(dsn)
    host = f"host={given['host']}&port={given.get('port', 5432)}"
    return f"postgresql+{driver}://{given['user']}@/{given['dbname']}?{host}"


def said() -> tuple[int, dict[str, int], dict[str, int]]:
    now = _pools.usage()
    return now.open, dict(now.in_use), dict(now.waiting)


async def until(condition) -> None:
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError


def test_nothing_is_said_where_there_is_no_pool() -> None:
    assert said() == (0, {}, {})


def test_sqlalchemy_says_who_uses_and_who_waits(dsn) -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(url(dsn, "psycopg"), pool_size=1, max_overflow=0)
    _pools._remember(engine.pool)
    name = "sqlalchemy:" + (engine.pool.__dict__.get("_unslow_name") or "postgresql")
    with engine.connect():
        waiting = threading.Thread(target=lambda: engine.connect().close())
        waiting.start()
        waited = threading.Event()
        for _ in range(1000):
            if said() == (1, {name: 1}, {name: 1}):
                break
            waited.wait(0.01)
        assert said() == (1, {name: 1}, {name: 1})
    waiting.join()
    assert said() == (1, {name: 0}, {name: 0})
    engine.dispose()


def test_async_sqlalchemy_says_who_uses_and_who_waits(dsn) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine

    async def main() -> None:
        engine = create_async_engine(url(dsn, "asyncpg"), pool_size=1, max_overflow=0)
        _pools._remember(engine.pool)

        async def wait() -> None:
            async with engine.connect():
                pass

        async with engine.connect():
            task = asyncio.create_task(wait())
            await until(lambda: 1 in said()[2].values())
            assert [sum(one.values()) for one in said()[1:]] == [1, 1]
        await task
        assert said()[0] == 1
        await engine.dispose()

    asyncio.run(main())


def test_asyncpg_says_who_uses_and_who_waits_and_is_let_go_when_closed(dsn) -> None:
    import asyncpg

    async def main() -> None:
        pool = await asyncpg.create_pool(dsn, min_size=1, max_size=1, database="metrics_pools")
        _pools._remember(pool)
        name = "asyncpg:metrics_pools"
        connection = await pool.acquire()
        task = asyncio.ensure_future(pool.acquire())
        await until(lambda: said()[2].get(name) == 1)
        assert said() == (1, {name: 1}, {name: 1})
        await pool.release(connection)
        await pool.release(await task)
        assert said() == (1, {name: 0}, {name: 0})
        await pool.close()
        assert said() == (0, {}, {})
        assert not _pools._known

    asyncio.run(main())


def test_psycopg_pool_says_who_uses(dsn) -> None:
    psycopg_pool = pytest.importorskip("psycopg_pool", reason="psycopg_pool is not installed")

    with psycopg_pool.ConnectionPool(dsn, min_size=1, max_size=1, name="orders") as pool:
        _pools._remember(pool)
        with pool.connection():
            assert said() == (1, {"psycopg:orders": 1}, {"psycopg:orders": 0})
        assert said()[1] == {"psycopg:orders": 0}
    assert said() == (0, {}, {})


def test_pools_beyond_the_most_are_one_name(dsn, monkeypatch) -> None:
    import sqlalchemy

    monkeypatch.setattr(_pools, "MOST_NAMES", 2)
    engines = [sqlalchemy.create_engine(url(dsn, "psycopg")) for _ in range(4)]
    for number, engine in enumerate(engines):
        engine.pool.__dict__["_unslow_name"] = f"tenant{number}"
        _pools._remember(engine.pool)
    assert set(said()[1]) == {"sqlalchemy:tenant0", "sqlalchemy:tenant1", "other"}
    assert _pools.names() == ["other", "sqlalchemy:tenant0", "sqlalchemy:tenant1"]


def test_pools_made_before_the_metrics_and_after_are_known(dsn, tmp_path) -> None:
    program = f"""
import sqlalchemy
before = sqlalchemy.create_engine({url(dsn, "psycopg")!r})
held = [before.connect()]
from unslow.kit import _pools, metrics
metrics.start()
after = sqlalchemy.create_engine({url(dsn, "psycopg")!r})
held += [after.connect(), after.connect()]
print(_pools.usage().open, sum(_pools.usage().in_use.values()))
after.dispose()
held.append(after.connect())
print(_pools.usage().open)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["3", "3", "2"], done.stderr


def test_django_says_what_is_open_in_every_thread(dsn, tmp_path) -> None:
    from psycopg.conninfo import conninfo_to_dict

    given = conninfo_to_dict(dsn)
    program = f"""
import threading
from django.conf import settings
settings.configure(DATABASES={{"default": {{"ENGINE": "django.db.backends.postgresql",
    "NAME": {given["dbname"]!r}, "USER": {given["user"]!r}, "HOST": {given["host"]!r},
    "PORT": {given.get("port", "")!r}}}}})
import django
django.setup()
from django.db import connection
connection.ensure_connection()
from unslow.kit import _pools, metrics
metrics.start()
here, done = threading.Event(), threading.Event()
def work():
    connection.ensure_connection()
    here.set()
    done.wait(20)
    connection.close()
thread = threading.Thread(target=work)
thread.start()
here.wait(20)
print(_pools.usage().open)
done.set()
thread.join()
print(_pools.usage().open)
connection.close()
print(_pools.usage().open)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["2", "1", "0"], done.stderr
