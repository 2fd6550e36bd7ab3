"""Plans on request: of reads alone, once each, on a connection that can write nothing."""

import psycopg
import psycopg.sql
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.kit.ground.test_embedded import run
from tests.kit.query_log.applications import DJANGO, SQLITE
from unslow.kit import _explain

PLANS = """
import threading
def plans_of(count, **settings):
    arrived = threading.Semaphore(0)
    records = []
    class Waiting(logging.Handler):
        def emit(self, record):
            if hasattr(record, "plan"):
                records.append(record)
                arrived.release()
    logger = logging.getLogger("unslow.queries")
    logger.handlers[:] = [Waiting()]
    query_log.start(**settings)
    return records, lambda: [arrived.acquire(timeout=20) for _ in range(count)]
"""


@pytest.fixture(scope="module")
def dsn(postgres):
    name = "query_log_explained"
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgres.dsn(name)
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def django_on(dsn: str) -> str:
    params = conninfo_to_dict(dsn)
    options = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": params["dbname"],
        "USER": params.get("user", ""),
        "PASSWORD": params.get("password", ""),
        "HOST": params.get("host", ""),
        "PORT": params.get("port", ""),
    }
    return f"DATABASES = {{'default': {options!r}}}\n" + DJANGO + PLANS


def test_nothing_is_explained_unless_asked_nor_a_write(tmp_path) -> None:
    seen = run(
        tmp_path,
        SQLITE
        + DJANGO
        + PLANS
        + """
records, wait = plans_of(1)
Client().get("/books/")
records, wait = plans_of(1, explain_ms=0, explain="author")
Client().get("/rename/")
Client().get("/authors/x/")
wait()
print(json.dumps([record.shape for record in records]))
""",
    )
    assert len(seen) == 1
    assert seen[0].startswith("SELECT COUNT(*)")


def test_a_read_of_postgresql_is_explained_once_and_without_values(tmp_path, dsn) -> None:
    messages, left = run(
        tmp_path,
        django_on(dsn)
        + """
records, wait = plans_of(1, explain="from \\"books_author\\"")
Client().get("/authors/secret-3/")
Client().get("/authors/secret-4/")
wait()
Client().get("/authors/secret-5/")
asked = "SELECT count(*), pg_sleep(0.02) FROM pg_stat_activity WHERE datname = current_database()"
for _ in range(500):  # a server process outlives its connection by a moment
    left = connection.cursor().execute(asked).fetchone()[0]
    if left == 1:
        break
print(json.dumps([[record.getMessage() for record in records], left]))
""",
    )
    (message,) = messages
    assert "Aggregate  (cost=" in message
    assert "Filter: (name = ?::text)" in message
    assert "secret" not in message
    assert left == 1


@pytest.mark.parametrize("value", ["secret\nof a secret", "it's (cost=1 secret", 'a "secret" one'])
def test_a_value_of_any_form_is_not_in_the_plan(postgres, value) -> None:
    with psycopg.connect(postgres.dsn()) as connection:
        asked = psycopg.sql.SQL("EXPLAIN SELECT 1 FROM pg_class WHERE relacl::text || 'x' = {}")
        rows = connection.execute(asked.format(psycopg.sql.Literal(value))).fetchall()
    plan = "\n".join(row for (row,) in rows)
    assert "secret" in plan
    shown = _explain.without_values(plan)
    assert "secret" not in shown
    assert "(cost=0.00.." in shown


def test_names_and_costs_stay_in_the_plan() -> None:
    plan = """Seq Scan on "it's 1" t2  (cost=0.00..1.25 rows=3 width=4)\n  Filter: (c3 = 7)"""
    assert _explain.without_values(plan) == plan.replace("7)", "?)")


def test_the_value_that_a_database_refuses_is_not_in_the_log(tmp_path, dsn) -> None:
    (plan,) = run(
        tmp_path,
        django_on(dsn).replace('"books"', '"refused"')
        + """
from unslow.kit import _explain
records, wait = plans_of(1)
query = {"sql": "SELECT %s::int", "shape": "", "fingerprint": "x", "database": "default",
    "parameters": ["'secret'"]}
_explain.ask(query, False, query_log._log_plan)
wait()
print(json.dumps([record.plan for record in records]))
""",
    )
    assert plan.startswith("not explained: InvalidTextRepresentation: invalid input syntax")
    assert "secret" not in plan


def test_the_values_are_in_the_plan_when_they_are_in_the_log(tmp_path, dsn) -> None:
    message = run(
        tmp_path,
        django_on(dsn).replace('"books"', '"valued"')
        + """
records, wait = plans_of(1, explain_ms=0, values=True)
Client().get("/authors/secret-3/")
wait()
print(json.dumps(records[0].getMessage()))
""",
    )
    assert "'secret-3'::text" in message


SQLALCHEMY = (
    """
import logging, asyncio
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine
from unslow.kit import query_log
"""
    + PLANS
)


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_engines_of_sqlalchemy_are_asked_on_another_connection(tmp_path, dsn, driver) -> None:
    params = conninfo_to_dict(dsn)
    host, port = params["host"], params.get("port", "5432")
    url = f"postgresql+{driver}://{params.get('user', '')}:{params.get('password', '')}@/"
    url += f"{params['dbname']}?host={host}&port={port}"
    waits = "await " if driver == "asyncpg" else ""
    source = f"""
records, wait = plans_of(2, explain_ms=0)
engine = create_{"async_" if waits else ""}engine({url!r})
async def main():
    {"async " if waits else ""}with engine.connect() as connection:
        with _embedded.recording("TEST", "name"):
            {waits}connection.execute(
                text("SELECT relname FROM pg_class WHERE oid = :it"), dict(it=7))
            {waits}connection.execute(text("SELECT 1; "))
            {waits}connection.execute(text("CREATE TEMP TABLE mine (a int)"))
    {waits}engine.dispose()
asyncio.run(main())
wait()
print(json.dumps([record.plan for record in records]))
"""
    plans = run(tmp_path, SQLALCHEMY + source)
    assert len(plans) == 2
    assert "pg_class" in plans[0]
    assert "Index Cond: (oid = ?::oid)" in plans[0]
    assert plans[1].startswith("Result  (cost=")


def test_what_cannot_be_explained_says_why(tmp_path) -> None:
    said = run(
        tmp_path,
        SQLALCHEMY
        + """
from unslow.kit import _explain
records, wait = plans_of(3, explain_ms=0)
engine = create_engine("sqlite:///file.db")
with _embedded.recording("TEST", "name"):
    sqlite3.connect(":memory:").execute("SELECT 3")
    with engine.connect() as connection:
        connection.execute(text("CREATE TEMP TABLE gone (a int)"))
        connection.execute(text("SELECT a FROM gone"))
query = {"sql": "SELECT 1; DROP TABLE mine", "shape": "", "fingerprint": "x",
    "database": "", "parameters": None}
_explain.ask(query, True, query_log._log_plan)
wait()
print(json.dumps([record.plan for record in records]))
""",
    )
    assert said[0] == "not explained: no way is known to connect to 'sqlite' again"
    assert said[1].startswith("not explained: OperationalError: no such table: gone")
    assert said[2] == "not explained: it is several statements"
