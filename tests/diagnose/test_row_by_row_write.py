import pytest
from msgspec.structs import replace

from tests.builders import Queries, load
from tests.diagnose.writing import findings, found_by, marked, orders, read, write

SAVE = """
def close(orders):
    for order in orders:
        order.status = "closed"
        «order.save()»
"""
CREATE = """
def copy(orders):
    return [«Order.objects.create(status=order.status)» for order in orders]
"""
HELPER = """
def close(order):
    order.status = "closed"
    «order.save()»


def close_all(orders):
    for order in orders:
        «close(order)»
"""
SESSION = """
async def close(db):
    for order in await db.scalars(select(Order)):
        order.status = "closed"
    await «db.commit()»
"""


def test_silent_on_four_rows():
    assert findings("row-by-row-write", SAVE, times=4) == []


def test_silent_on_values_made_of_the_row_s_own():
    changed = SAVE.replace('"closed"', "order.status.upper()")
    assert findings("row-by-row-write", changed) == []


@pytest.mark.parametrize(
    ("source", "kind", "verb"),
    [
        (SAVE, "update", "updates"),
        (CREATE, "insert", "inserts"),
        (SAVE.replace("order.save()", "order.delete()"), "delete", "deletes"),
    ],
)
def test_one_statement_for_each_row(source, kind, verb):
    (finding,) = findings("row-by-row-write", source, kind)
    (site,) = marked(source)[1]
    assert finding.cause == finding.symptom == site
    assert finding.confidence == "certain"
    assert (
        finding.title
        == f"POST orders/ {verb} 9 rows one by one (shop/views.py:{site.line} in view)"
    )
    assert finding.cost.queries_per_request == 8
    assert finding.evidence.operation == kind
    assert finding.evidence.model == "shop.Order"
    assert finding.evidence.loop.line == 3
    assert not finding.evidence.rereads


def test_a_loop_that_calls_a_helper():
    (finding,) = findings("row-by-row-write", HELPER)
    assert (finding.cause.line, finding.evidence.loop.line) == (4, 8)
    assert finding.confidence == "likely"


def test_what_else_the_expression_writes_is_named():
    _, stack = marked(SAVE)
    item = replace(write("delete", stack).all[0], load=load("write", model="shop.Item"))
    both = write("update", stack) + Queries((item,))
    (finding,) = found_by("row-by-row-write", SAVE, both * 9)
    assert finding.evidence.others == ("shop.Item",)


def test_a_table_that_is_read_between_the_writes():
    _, stack = marked(SAVE)
    (finding,) = found_by("row-by-row-write", SAVE, (write("update", stack) + read(())) * 9)
    assert finding.evidence.rereads


def test_a_session_that_sends_the_changes_of_a_loop():
    _, stack = marked(SESSION)
    sent = write("update", stack, orm="sqlalchemy")
    batch = Queries((replace(sent.all[0], batch=9),))
    (finding,) = found_by("row-by-row-write", SESSION, orders(stack, 9) + batch)
    assert (finding.cause.line, finding.cause.column) == (4, 23)
    assert finding.evidence.writes == 9
    assert finding.symptom.line == 5
