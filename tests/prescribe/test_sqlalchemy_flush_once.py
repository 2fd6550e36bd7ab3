import pytest

from tests.prescribe.writes import advice, alchemy, fixed, refused
from unslow.lab.prescribe import sqlalchemy_flush_once as fixer

HEAD = "from shop.models import Order\n\n\n"


def source(body: str, after: str = "    await db.commit()\n") -> str:
    lines = "".join(f"        {line}\n" for line in body.split("\n"))
    return f"{HEAD}async def f(db, names):\n    for name in names:\n{lines}{after}"


ADD = "order = Order(number=name)\ndb.add(order)\nawait «db.flush()»"


# --- nothing changes -------------------------------------------------------------------------


def test_silent_where_something_else_is_called(bench):
    bench.write(source("await «db.execute(statement)»"))
    assert advice(bench, fixer, "insert", models=alchemy()) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"{ADD}\nnames.append(order.id)", "goes on"),
        (f"{ADD}\ndb.add(Item(order_id=order.id))", "goes on"),
        (f"{ADD}\nawait db.refresh(order)", "goes on"),
        (f"{ADD}\nif name:\n    return order", "before its end"),
        ("db.add(Order())\nif name:\n    await «db.flush()»", "statement of its own"),
    ],
)
def test_recommends_where_the_round_needs_the_row(bench, body, reason):
    bench.write(source(body))
    assert reason in refused(bench, fixer, "insert", models=alchemy())


def test_recommends_where_the_table_is_read_again(bench):
    bench.write(source(ADD))
    assert "read again" in refused(bench, fixer, "insert", models=alchemy(), rereads=True)


# --- changes ---------------------------------------------------------------------------------


def test_a_commit_after_the_loop_flushes(bench):
    bench.write(source(ADD))
    text = fixed(bench, fixer, "insert", models=alchemy())
    assert text == source(ADD.partition("\nawait")[0])


def test_the_flush_moves_behind_the_loop(bench):
    bench.write(source(ADD, "    return names\n"))
    text = fixed(bench, fixer, "insert", models=alchemy())
    assert "        db.add(order)\n    await db.flush()\n    return names\n" in text


def test_a_flush_in_the_middle_of_a_round(bench):
    bench.write(source(f"{ADD}\nnames.discard(name)", "    return names\n"))
    text = fixed(bench, fixer, "insert", models=alchemy())
    assert "        names.discard(name)\n    await db.flush()\n    return names\n" in text


def test_changes_are_flushed_once_too(bench):
    bench.write(source("name.total += 1\nprint(name)\nawait «db.flush()»"))
    assert "db.flush()" not in fixed(bench, fixer, "update", models=alchemy())


# --- commits ---------------------------------------------------------------------------------

COMMIT = ADD.replace("flush", "commit")


def committed(bench, text: str, **options) -> str:
    bench.write(text)
    return fixed(bench, fixer, "insert", models=alchemy(), detector="chatty-transaction", **options)


def test_silent_on_a_commit_that_another_detector_names(bench):
    bench.write(source(COMMIT))
    assert advice(bench, fixer, "insert", models=alchemy()) == []


def test_the_commit_moves_behind_the_loop(bench):
    text = committed(bench, source(COMMIT, "    return names\n"))
    assert "        db.add(order)\n    await db.commit()\n    return names\n" in text


def test_a_commit_after_the_loop_is_enough(bench):
    assert committed(bench, source(COMMIT)) == source(ADD.partition("\nawait")[0])


def test_a_flush_after_the_loop_is_not_enough(bench):
    text = committed(bench, source(COMMIT, "    await db.flush()\n"))
    assert text.endswith("        db.add(order)\n    await db.commit()\n    await db.flush()\n")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"{COMMIT}\nawait db.rollback()", "transaction of its own"),
        (f"{COMMIT}\nawait db.refresh(order)", "goes on"),
        (f"{COMMIT}\nnames.append(order.id)", "goes on"),
    ],
)
def test_recommends_where_each_round_needs_its_commit(bench, body, reason):
    bench.write(source(body))
    options = {"models": alchemy(), "detector": "chatty-transaction"}
    assert reason in refused(bench, fixer, "insert", **options)


def test_a_flush_stays_where_each_round_commits(bench):
    bench.write(source(f"{ADD}\nawait db.commit()"))
    assert "transaction of its own" in refused(bench, fixer, "insert", models=alchemy())
