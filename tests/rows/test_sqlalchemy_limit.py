import pytest

from unslow.lab.prescribe import sqlalchemy_limit as fixer

HEAD = "from sqlalchemy import select\nfrom shop.models import Order\n\n\nasync def run(db):\n"


@pytest.fixture
def fixed(rows_bench):
    rows_bench.detector = "unused-row"
    rows_bench.orm = "sqlalchemy"
    return lambda line: rows_bench.fixed(fixer, f"{HEAD}    {line}\n")


@pytest.mark.parametrize("statement", ["select(Order).limit(90)", "select(Order).distinct()"])
def test_nothing_where_the_statement_takes_no_limit(fixed, statement):
    assert fixed(f"return (await db.scalars(«{statement}»)).all()[0]") is None


def test_the_statement_gets_a_limit(fixed):
    before = "return (await db.scalars(«select(Order).order_by(Order.id)»)).all()[0]"
    after = "return (await db.scalars(select(Order).order_by(Order.id).limit(1))).all()[0]"
    assert fixed(before) == f"{HEAD}    {after}\n"
