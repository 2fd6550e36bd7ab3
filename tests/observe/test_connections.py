"""A request that has to open a connection says so, with the place where the engine is made."""

SOURCE = """
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

kept = create_engine("sqlite:///kept.sqlite3")
new = create_engine("sqlite:///new.sqlite3", poolclass=NullPool, echo=True, hide_parameters=True)


def application(environ, start_response):
    for engine in (kept, new):
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    start_response("200 OK", [])
    return [b"done"]
"""
COMMAND = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "server")


def test_only_the_engine_without_a_pool_opens_again(app):
    def answer(question):
        return {"path": question["path"]}

    with app.write(server=SOURCE).run(*COMMAND, answer=answer) as running:
        first = running.observe("/")["connections"]
        (again,) = running.observe("/")["connections"]
        switched = running.observe("/").get("switches", [])
        taken = running.observe("/")["checkouts"]
        assert running.collector.of("error") == []
    assert switched == []  # the engine that logs has no pool
    assert [(one["kind"], one["capacity"], one["site"]["line"]) for one in taken] == [
        ("QueuePool", 15, 5)
    ]
    assert [one["kind"] for one in first] == ["QueuePool", "NullPool"]
    assert (again["kind"], again["database"], again["threaded"]) == (
        "NullPool",
        "new.sqlite3",
        True,
    )
    assert again["duration_ms"] > 0
    assert again["site"]["line"] == 6
