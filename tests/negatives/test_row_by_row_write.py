import pytest
from msgspec.structs import replace

from tests.builders import Queries, query
from tests.diagnose.writing import (
    findings,
    found_at,
    found_by,
    marked,
    orders,
    read,
    spread,
    write,
)
from tests.negatives.cases import cases

LOOP = """
def close(orders):
    for order in {over}:
        {body}
"""
SAVE = LOOP.format(over="orders", body="«order.save()»")
(SITE,) = marked(SAVE)[1]
ONE = write("update", (SITE,))

ITERATED = {
    "the code lists what it writes": '["north", "south", "east", "west", "middle", "rest"]',
    "a constant of the module": "REGIONS",
    "a constant of the settings": "settings.LANGUAGES",
    "the choices of an enumeration": "Status.choices",
    "the members of an enumeration": "Status",
    "a range that the code bounds": "range(7)",
    "a constant, enumerated": "enumerate(REGIONS)",
    "the items of a constant": "REGIONS.items()",
}
BODIES = {
    "each row has a savepoint of its own": """with transaction.atomic():
            «order.save()»""",
    "each row handles its own errors": """try:
            «order.save()»
        except IntegrityError:
            skipped.append(order)""",
    "each row is a unit of work": """async with db.begin_nested():
            await «db.flush()»""",
    "errors of a row are passed over": """with suppress(IntegrityError):
            «order.save()»""",
}
OTHERS = {
    "no loop: a form set saves its forms": "def view(forms):\n    «forms.save()»\n",
    "no loop: a retry": "def view(order):\n    while True:\n        «order.save()»\n",
    "the loop is in the library": "def view(data):\n    «import_orders(data)»\n",
    "a function that another loop defines": (
        "def view(orders):\n    for order in orders:\n"
        "        def later():\n            «order.save()»\n        queue.append(later)\n"
    ),
    "the loop runs over a literal, four calls away": (
        "def save(order):\n    «order.save()»\n\n\ndef close():\n"
        "    for order in (1, 2, 3, 4, 5, 6):\n        «save(order)»\n"
    ),
}
QUERIES = {
    "the same statement with the same values": ONE.same(9),
    "a statement for many rows each": write("update", (SITE,), rows=40) * 9,
    "nothing matched: another was faster": write("update", (SITE,), rows=0) * 9,
    "each tenant has its own database": Queries(
        tuple(replace(q, database=f"t{n}") for n, q in enumerate((ONE * 9).all))
    ),
    "each tenant has its own schema": (query("SET search_path TO t") + ONE) * 9,
    "a row is locked before each write": (read((), 'SELECT 1 FROM "shop_order" FOR UPDATE') + ONE)
    * 9,
    "a savepoint before each write": (query("SAVEPOINT s1") + ONE) * 9,
    "an upsert: the expression looks first": (read((SITE,)) + ONE) * 9,
    "several rows in one statement": write(
        "insert", (SITE,), sql='INSERT INTO "shop_order" ("a") VALUES (%s), (%s)', rows=2
    )
    * 9,
    "sent in one batch by the driver": Queries((replace(ONE.all[0], batch=9),)),
    "code of a library": Queries(tuple(replace(q, stack=()) for q in (ONE * 9).all)),
    "a source that cannot be read": Queries(
        tuple(replace(q, stack=(replace(SITE, path="lib.py"),)) for q in (ONE * 9).all)
    ),
}
FLUSHED = """
async def close(db):
    orders = await db.scalars(select(Order))
    for order in {over}:
        {body}
    await «db.commit()»
"""
SESSIONS = {
    "a session's objects that no loop changed": ("orders", "print(order)"),
    "a session's objects that a bounded loop changed": ("REGIONS", 'order.status = "closed"'),
}


def test_the_slow_form_fires():
    assert findings("row-by-row-write", SAVE)
    assert found_by("row-by-row-write", SAVE, ONE * 9)


@pytest.mark.parametrize("over", cases(ITERATED))
def test_silent_on_a_bounded_loop(over):
    assert findings("row-by-row-write", LOOP.format(over=over, body="«order.save()»")) == []


@pytest.mark.parametrize("body", cases(BODIES))
def test_silent_where_each_row_is_on_its_own(body):
    assert findings("row-by-row-write", LOOP.format(over="orders", body=body)) == []


@pytest.mark.parametrize("source", cases(OTHERS))
def test_silent_without_a_loop_over_rows(source):
    assert findings("row-by-row-write", source) == []


@pytest.mark.parametrize("queries", cases(QUERIES))
def test_silent_on_what_ran(queries):
    assert found_by("row-by-row-write", SAVE, queries) == []


def test_silent_where_the_rows_come_slowly():
    assert found_at("row-by-row-write", SAVE, spread(ONE * 9, 80.0)) == []
    assert found_at("row-by-row-write", SAVE, spread(ONE * 9, 8.0))


@pytest.mark.parametrize("case", cases(SESSIONS))
def test_silent_on_a_session_s_own_batch(case):
    over, body = case
    source = FLUSHED.format(over=over, body=body)
    _, stack = marked(source)
    sent = Queries((replace(write("update", stack, orm="sqlalchemy").all[0], batch=9),))
    assert found_by("row-by-row-write", source, orders(stack, 9) + sent) == []


def test_silent_on_rows_that_a_session_adds():
    source = FLUSHED.format(over="orders", body="db.add(Order(status=order.status))")
    _, stack = marked(source)
    sent = Queries((replace(write("insert", stack, orm="sqlalchemy").all[0], batch=9),))
    assert found_by("row-by-row-write", source, orders(stack, 9) + sent) == []
