"""Connections go where the collector says, and raw statements are recorded, driver by driver."""

import psycopg
import pytest

SYNC = """
import psycopg, psycopg2, psycopg2.extras, sqlite3
from psycopg import sql

def application(environ, start_response):
    body = ROUTES[environ["PATH_INFO"]]()
    start_response("200 OK", [])
    return [repr(body).encode()]

def psycopg_():
    with psycopg.connect("host=original.invalid dbname=shop user=nobody") as connection:
        rows = connection.execute("SELECT name FROM items WHERE id = %s", (1,)).fetchall()
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("SELECT {} FROM items").format(sql.Identifier("id")))
            cursor.executemany("INSERT INTO items VALUES (%s, %s)", [(8, "h"), (9, "i")])
            streamed = list(cursor.stream("SELECT id FROM items WHERE id < %(top)s", {"top": 3}))
            with cursor.copy("COPY items TO STDOUT") as copy:
                list(copy)
        with connection.cursor("named") as cursor:
            cursor.execute("SELECT id FROM items")
            cursor.fetchmany(2)
        connection.rollback()
    return rows + streamed

class Own(psycopg.Connection):
    @classmethod
    def _get_connection_params(cls, conninfo, **kwargs):
        return {"host": "127.0.0.1", "dbname": "shop", "user": "nobody"}

def subclass():
    with Own.connect() as connection:
        return connection.execute("SELECT current_database()").fetchall()

def several():
    with psycopg.connect("host=127.0.0.1,localhost dbname=shop user=nobody") as connection:
        return connection.execute("SELECT current_database()").fetchall()

def psycopg2_():
    connection = psycopg2.connect(host="original.invalid", dbname="shop", user="nobody")
    with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute("SELECT name FROM items WHERE id IN %s", ((1, 2),))
        rows = [dict(row) for row in cursor.fetchall()]
    connection.close()
    return rows

def sqlite():
    connection = sqlite3.connect("original.db")
    connection.execute("CREATE TABLE t (x)")
    connection.execute("INSERT INTO t VALUES (?)", (1,))
    rows = connection.cursor().execute("SELECT x FROM t").fetchall()
    connection.close()
    memory = sqlite3.connect(":memory:").execute("SELECT 1").fetchall()
    return rows + memory

ROUTES = {"/psycopg": psycopg_, "/psycopg2": psycopg2_, "/sqlite": sqlite,
          "/subclass": subclass, "/several": several}
"""

ASYNC = """
import asyncio, asyncpg, io, psycopg

pool = None
DSN = "postgresql://nobody@original.invalid/shop"

async def application(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("no lifespan here")
    body = await ROUTES[scope["path"]]()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": repr(body).encode()})

async def one():
    connection = await asyncpg.connect(DSN)
    try:
        rows = await connection.fetch("SELECT name FROM items WHERE id = $1", 1)
        await connection.execute("SET application_name = 'shop'")
        await connection.execute("UPDATE items SET name = $1 WHERE id = $2", "a", 1)
        await connection.executemany("INSERT INTO items VALUES ($1, $2)", [(20, "t"), (21, "u")])
        await connection.fetchval("DELETE FROM items WHERE id >= $1", 20)
        prepared = await connection.prepare("SELECT id FROM items WHERE name = $1")
        await prepared.fetch("b")
        async with connection.transaction():
            async for row in connection.cursor("SELECT id FROM items"):
                pass
        await connection.copy_records_to_table("items", records=[(30, "z")])
        await connection.copy_from_query("SELECT id FROM items", output=io.BytesIO())
        return rows
    finally:
        await connection.close()

async def pooled():
    global pool
    pool = pool or await asyncpg.create_pool(DSN, min_size=1, max_size=4)
    async with pool.acquire() as connection:
        return await connection.fetchval("SELECT name FROM items WHERE id = $1", 2)

async def name(key):
    async with pool.acquire() as connection:
        return await connection.fetchval("SELECT name FROM items WHERE id = $1", key)

async def gathered():
    await pooled()
    return await asyncio.gather(name(1), name(2))

async def psycopg_():
    async with await psycopg.AsyncConnection.connect(DSN) as connection:
        cursor = await connection.execute("SELECT name FROM items WHERE id = %s", (1,))
        rows = await cursor.fetchall()
        async with cursor.copy("COPY items TO STDOUT") as copy:
            async for block in copy:
                pass
        return rows + [row async for row in cursor.stream("SELECT id FROM items")]

ROUTES = {"/asyncpg": one, "/pool": pooled, "/gather": gathered, "/psycopg": psycopg_}
"""


@pytest.fixture(scope="module")
def clone(postgres):
    dsn = postgres.create("observe_drivers")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE items (id int, name text)")
        connection.execute("INSERT INTO items VALUES (1, 'a'), (2, 'b')")

    def answer(question):
        if question["engine"] == "sqlite":
            return {"path": question["path"].replace("original", "clone")}
        if question["params"]["dbname"] != "shop":
            return {"error": "unslow cannot clone this"}
        place = {"host": postgres.host, "port": postgres.port, "user": postgres.user}
        return {"params": {**question["params"], **place, "dbname": "observe_drivers"}}

    return answer


def statements(request):
    return [query["shape"] for query in request["queries"]]


def text(site, root):
    """The source that a site names."""
    lines = (root / site["path"]).read_text().splitlines()
    assert site["line"] == site["end_line"]
    return lines[site["line"] - 1][site["column"] : site["end_column"]]


GUNICORN = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "server:application")


def test_synchronous_drivers(app, clone):
    with app.write(server=SYNC).run(*GUNICORN, answer=clone) as running:
        seen = running.observe("/psycopg")
        assert seen["error"] == ""
        assert statements(seen) == [
            "SELECT name FROM items WHERE id = ?",
            'SELECT "id" FROM items',
            "INSERT INTO items VALUES (?, ?)",
            "SELECT id FROM items WHERE id < ?",
            "COPY items TO STDOUT",
            "SELECT id FROM items",
        ]
        first, *_, streamed, _, _ = seen["queries"]
        assert (first["rows"], first["parameters"]) == (1, ["1"])
        assert (streamed["rows"], streamed["parameters"]) == (2, ["3"])
        assert first["database"] == "observe_drivers"
        assert [site["function"] for site in first["stack"]] == ["psycopg_", "application"]
        assert text(first["stack"][0], app.root) == (
            'connection.execute("SELECT name FROM items WHERE id = %s", (1,))'
        )
        opened = running.collector.wait("backend", event="open")[0]
        closed = running.collector.wait("backend", event="close", pid=opened["pid"])[0]
        assert closed["cpu_ns"] > 0

        seen = running.observe("/psycopg2")
        assert seen["error"] == ""
        assert statements(seen) == ["SELECT name FROM items WHERE id IN ?"]
        assert seen["queries"][0]["parameters"] == ["(1, 2)"]
        assert seen["queries"][0]["rows"] == 2
        assert len(running.collector.wait("backend", 2, event="close")) == 2

        seen = running.observe("/sqlite")
        assert seen["error"] == ""
        assert statements(seen) == [
            "CREATE TABLE t (x)",
            "INSERT INTO t VALUES (?)",
            "SELECT x FROM t",
            "SELECT ?",
        ]
        assert [query["rows"] for query in seen["queries"]] == [None, 1, 1, 1]
        assert (app.root / "clone.db").exists()
        assert not (app.root / "original.db").exists()
        assert running.collector.of("error") == []


@pytest.mark.parametrize("path", ["/subclass", "/several"])
def test_every_way_to_the_original_is_redirected_once(app, clone, path):
    with app.write(server=SYNC).run(*GUNICORN, answer=clone) as running:
        assert running.get(path).body == b"[('observe_drivers',)]"
        asked = [question["params"]["dbname"] for question in running.collector.questions]
        assert asked == ["shop"]


def test_asynchronous_drivers(app, clone):
    command = ("-m", "uvicorn", "--port", "{port}", "server:application")
    with app.write(server=ASYNC).run(*command, answer=clone) as running:
        seen = running.observe("/asyncpg")
        assert seen["error"] == ""
        assert statements(seen) == [
            "SELECT name FROM items WHERE id = ?",
            "SET application_name = ?",
            "UPDATE items SET name = ? WHERE id = ?",
            "INSERT INTO items VALUES (?, ?)",
            "DELETE FROM items WHERE id >= ?",
            "SELECT id FROM items WHERE name = ?",
            "BEGIN",
            "SELECT id FROM items",
            "COMMIT",
            'COPY "items" FROM STDIN',
            "COPY (SELECT id FROM items) TO STDOUT",
        ]
        assert [query["rows"] for query in seen["queries"][:1]] == [1]
        assert running.collector.wait("backend", event="close")[0]["cpu_ns"] > 0

        seen = running.observe("/pool")
        assert statements(seen) == ["SELECT name FROM items WHERE id = ?"]
        assert [site["function"] for site in seen["queries"][0]["stack"]] == [
            "pooled",
            "application",
        ]

        seen = running.observe("/gather")
        _, *both = seen["queries"]
        assert [[site["function"] for site in query["stack"]] for query in both] == [
            ["name", "gathered", "application"]
        ] * 2
        assert text(both[0]["stack"][1], app.root) == "asyncio.gather(name(1), name(2))"

        seen = running.observe("/psycopg")
        assert seen["error"] == ""
        assert statements(seen) == [
            "SELECT name FROM items WHERE id = ?",
            "COPY items TO STDOUT",
            "SELECT id FROM items",
        ]
        assert running.collector.of("error") == []


def test_a_refused_database_fails_inside_the_application(app):
    source = SYNC.replace("dbname=shop", "dbname=other")
    with app.write(server=source).run(*GUNICORN) as running:
        seen = running.observe("/psycopg")
        assert seen["error"].startswith("OperationalError: nothing to connect to for")


def test_nothing_but_backends_is_reported_when_off(app, clone):
    with app.write(server=SYNC).run(*GUNICORN, answer=clone, level="off") as running:
        assert running.get("/psycopg").status == 200
        running.collector.wait("backend", event="close")
        assert {event["type"] for event in running.collector.events} == {"hello", "backend"}
