import pytest

from unslow.model import Site
from unslow.rules.expressions import Expressions

TEXT = """\
async def orders(db):
    ä = "ü"; first = await db.get(Order, 1)
    rows = (
        select(Order)
        .where(Order.id > 1)
        .limit(5)
    )
    return [row.id for row in rows]
"""


def whole(*position, text=TEXT):
    line, end_line, column, end_column = position
    found = Expressions(lambda path: text.encode()).whole(
        Site("a.py", line, end_line, column, end_column, "orders")
    )
    lines = text.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: found.line - 1])) + found.column
    end = sum(map(len, lines[: found.end_line - 1])) + found.end_column
    return text.encode()[start:end].decode()


def position_of(part, text=TEXT):
    offset = text.encode().index(part.encode())
    before, whole_part = text.encode()[:offset], text.encode()[: offset + len(part.encode())]

    def place(content):
        return content.count(b"\n") + 1, len(content) - content.rfind(b"\n") - 1

    (line, column), (end_line, end_column) = place(before), place(whole_part)
    return line, end_line, column, end_column


@pytest.mark.parametrize("part", ["select(Order)", "db.get(Order, 1)", "row.id", "Order.id > 1"])
def test_an_exact_expression_stays(part):
    assert whole(*position_of(part)) == part


def test_a_suspended_call_loses_its_await():
    assert whole(*position_of("await db.get(Order, 1)")) == "db.get(Order, 1)"


def test_a_call_after_a_line_break_is_widened_to_its_chain():
    assert whole(*position_of("where(Order.id > 1)")) == (
        "select(Order)\n        .where(Order.id > 1)"
    )
    assert whole(*position_of("limit(5)")).startswith("select(Order)")


def test_a_definition_stays_as_it_is():
    assert whole(1, 1, 0, 0) == ""


@pytest.mark.parametrize("text", ["def broken(:\n", "\x00"])
def test_a_file_that_does_not_parse_changes_nothing(text):
    site = Site("a.py", 1, 1, 0, 5, "f")
    assert Expressions(lambda path: text.encode()).whole(site) == site


def test_a_file_that_cannot_be_read_changes_nothing():
    def missing(path):
        raise FileNotFoundError(path)

    site = Site("a.py", 1, 1, 0, 5, "f")
    assert Expressions(missing).whole(site) == site
