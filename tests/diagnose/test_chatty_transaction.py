import pytest

from tests.diagnose.writing import findings, marked

SOURCE = """
async def copy(db, numbers):
    for number in numbers:
        db.add(Order(number=number))
        await «db.commit()»
"""


def test_silent_on_a_commit_after_the_loop():
    assert findings("chatty-transaction", SOURCE.replace("        await", "    await")) == []


@pytest.mark.parametrize("kind", ["insert", "update", "delete"])
def test_a_commit_for_each_row(kind):
    (finding,) = findings("chatty-transaction", SOURCE, kind, orm="sqlalchemy")
    assert finding.cause == marked(SOURCE)[1][0]
    assert "9 rows, each in a transaction of its own (shop/views.py:5 in view)" in finding.title
    assert finding.evidence.operation == kind
    assert finding.cost.queries_per_request == 8


@pytest.mark.parametrize("detector", ["row-by-row-write", "read-modify-write"])
@pytest.mark.parametrize("line", ["db.add(Order(number=number))", "number.total += 1"])
def test_it_is_no_other_finding_as_well(detector, line):
    source = SOURCE.replace("db.add(Order(number=number))", line)
    assert findings(detector, source, orm="sqlalchemy") == []


def test_a_helper_that_commits():
    source = """
def save(db, number):
    db.add(Order(number=number))
    «db.commit()»


def copy(db, numbers):
    for number in numbers:
        «save(db, number)»
"""
    (finding,) = findings("chatty-transaction", source, "insert", orm="sqlalchemy")
    assert finding.confidence == "likely"
    assert finding.evidence.loop.line == 8
