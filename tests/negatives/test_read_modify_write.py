import pytest

from tests.diagnose.writing import findings, found_by, marked, read, write
from tests.negatives.cases import cases

LOOP = """
def view(orders, other):
    for order in {over}:
        {change}
        {save}
"""
SAVE = "«order.save()»"
CHANGE = "order.total = order.total * 2"
SLOW = LOOP.format(over="orders", change=CHANGE, save=SAVE)

SOURCES = {
    "a constant for every row": LOOP.format(over="orders", change="order.total = 0", save=SAVE),
    "the value of another column": LOOP.format(
        over="orders", change="order.total = order.net", save=SAVE
    ),
    "the value of another object": LOOP.format(
        over="orders", change="order.total = other.total * 2", save=SAVE
    ),
    "another object is changed": LOOP.format(
        over="orders", change="other.total = other.total * 2", save=SAVE
    ),
    "the value is only compared": LOOP.format(
        over="orders", change="print(order.total * 2)", save=SAVE
    ),
    "the code lists the rows": LOOP.format(over="(first, second)", change=CHANGE, save=SAVE),
    "a constant lists the rows": LOOP.format(over="MAIN_ORDERS", change=CHANGE, save=SAVE),
    "each row is a transaction": LOOP.format(
        over="orders", change=CHANGE, save=f"with transaction.atomic():\n            {SAVE}"
    ),
    "each row handles a conflict": LOOP.format(
        over="orders",
        change=CHANGE,
        save=f"try:\n            {SAVE}\n        except Conflict:\n            pass",
    ),
    "one row": f"def view(order):\n    {CHANGE}\n    {SAVE}\n",
    "a retry of one row": f"def view(order):\n    while wait():\n        {CHANGE}\n        {SAVE}",
    "the update has the arithmetic already": (
        "def view(orders):\n    for order in orders:\n"
        '        «Order.objects.filter(pk=order.pk).update(total=F("total") * 2)»\n'
    ),
}


def test_the_slow_form_fires():
    assert findings("read-modify-write", SLOW)


@pytest.mark.parametrize("source", cases(SOURCES))
def test_silent(source):
    assert findings("read-modify-write", source) == []


def test_silent_on_rows_that_are_locked_before_each_save():
    _, stack = marked(SLOW)
    locked = read((), 'SELECT * FROM "shop_order" FOR UPDATE')
    assert found_by("read-modify-write", SLOW, (locked + write("update", stack)) * 9) == []


def test_silent_on_four_rows():
    assert findings("read-modify-write", SLOW, times=4) == []
