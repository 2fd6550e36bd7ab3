import pytest
from msgspec.structs import replace

from tests.builders import Queries
from tests.diagnose.writing import findings, found_by, marked, orders, write

SAVE = """
def raise_totals(orders):
    for order in orders:
        {change}
        «order.save()»
"""
CHANGE = "order.total = order.total * 2"


def test_silent_on_values_of_another_origin():
    assert findings("read-modify-write", SAVE.format(change='order.status = "closed"')) == []


@pytest.mark.parametrize(
    "change",
    [
        CHANGE,
        "order.total += fee",
        "order.total = round(factor * order.total, 2)",
        "order.total = raised(order.total)",
        "if order.due:\n            order.total -= 1",
    ],
)
def test_a_value_that_is_made_of_the_row_s_own(change):
    (finding,) = findings("read-modify-write", SAVE.format(change=change))
    assert finding.cause == marked(SAVE.format(change=change))[1][0]
    assert finding.title.startswith("POST orders/ updates 9 rows one by one (shop/views.py:")
    assert finding.confidence == "certain"
    assert finding.cost.queries_per_request == 8


def test_a_helper_that_changes_and_saves():
    source = """
def raise_total(order):
    order.total *= 2
    «order.save()»


def view(orders):
    for order in orders:
        «raise_total(order)»
"""
    (finding,) = findings("read-modify-write", source)
    assert finding.evidence.loop.line == 8


@pytest.mark.parametrize(
    "written",
    [
        "«Order.objects.filter(pk=order.pk).update(total=order.total * 2)»",
        "«db.execute(update(Order).where(Order.id == order.id).values(total=order.total * 2))»",
    ],
)
def test_an_update_per_row_with_the_row_s_own_value(written):
    source = f"def view(orders):\n    for order in orders:\n        {written}\n"
    assert findings("read-modify-write", source)
    assert findings("row-by-row-write", source) == []


@pytest.mark.parametrize(
    ("change", "column"),
    [("order.total = order.total * 2", 22), ("order.total += 1", 8)],
)
def test_a_session_that_sends_what_a_loop_changed(change, column):
    source = f"""
async def view(db):
    for order in await db.scalars(select(Order)):
        {change}
    await «db.commit()»
"""
    _, stack = marked(source)
    batch = Queries((replace(write("update", stack, orm="sqlalchemy").all[0], batch=9),))
    (finding,) = found_by("read-modify-write", source, orders(stack, 9) + batch)
    assert (finding.cause.line, finding.cause.column) == (4, column)
    assert finding.symptom == stack[0]
    assert finding.evidence.writes == 9
    assert found_by("read-modify-write", source, batch) == []
