import pytest

from tests.builders import query
from tests.diagnose.writing import findings, found_by, marked, write
from tests.negatives.cases import cases

LOOP = """
def copy(db, numbers):
    for number in {over}:
        db.add(Order(number=number))
        {commit}
"""
COMMIT = "«db.commit()»"
SLOW = LOOP.format(over="numbers", commit=COMMIT)

SOURCES = {
    "one commit after the loop": SLOW.replace("        «", "    «"),
    "the session is flushed, not committed": LOOP.format(over="numbers", commit="«db.flush()»"),
    "the code lists the rounds": LOOP.format(over="(1, 2, 3, 4, 5, 6)", commit=COMMIT),
    "a constant lists the rounds": LOOP.format(over="REGIONS", commit=COMMIT),
    "each round handles its own error": LOOP.format(
        over="numbers",
        commit=f"try:\n            {COMMIT}\n        except IntegrityError:\n            pass",
    ),
    "each round has a session of its own": (
        "def copy(numbers):\n    for number in numbers:\n        with Session.begin() as db:\n"
        f"            {COMMIT}\n"
    ),
    "a worker that waits for jobs": (
        f"def work(db):\n    while job := take():\n        job.run()\n        {COMMIT}\n"
    ),
    "no loop": f"def copy(db, number):\n    db.add(Order(number=number))\n    {COMMIT}\n",
    "a model that is saved": LOOP.format(over="numbers", commit="«number.save()»"),
}


def test_the_slow_form_fires():
    assert findings("chatty-transaction", SLOW, "insert", orm="sqlalchemy")


@pytest.mark.parametrize("source", cases(SOURCES))
def test_silent(source):
    assert findings("chatty-transaction", source, "insert", orm="sqlalchemy") == []


def test_silent_on_four_rounds():
    assert findings("chatty-transaction", SLOW, "insert", times=4, orm="sqlalchemy") == []


def test_silent_where_each_round_has_a_savepoint():
    _, stack = marked(SLOW)
    one = write("insert", stack, orm="sqlalchemy")
    assert found_by("chatty-transaction", SLOW, (query("SAVEPOINT s1") + one) * 9) == []


def test_silent_where_each_round_writes_many_rows():
    assert findings("chatty-transaction", SLOW, "update", rows=500, orm="sqlalchemy") == []
