import pytest

from tests.rows.conftest import ALCHEMY
from unslow.lab.prescribe import sqlalchemy_load_only as fixer

HEAD = "from sqlalchemy import select\nfrom sqlalchemy.orm import load_only\n\n\n"
START = f"{HEAD}async def run(db):\n    return "


@pytest.fixture
def fixed(rows_bench):
    rows_bench.detector = "unused-column"
    rows_bench.orm = "sqlalchemy"
    return lambda line: rows_bench.fixed(fixer, f"{START}{line}\n")


@pytest.mark.parametrize(
    "line",
    [
        "[o.number for o in await db.scalars(«select(Order).options(load_only(Order.number))»)]",
        "[o.number for o in await db.scalars(«select(Order).options(defer(Order.note))»)]",
        "[o.number for o in await db.scalars(«select(Order).distinct()»)]",
        "[o.label for o in await db.scalars(«select(Order)»)]",
        "[shown(o) for o in await db.scalars(«select(Order)»)]",
    ],
)
def test_nothing_where_more_is_read_or_less_is_loaded(fixed, line):
    assert fixed(line) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "[(o.id, o.total) for o in await db.scalars(«select(Order).limit(99)»)]",
            "[(o.id, o.total) for o in await db.scalars("
            "select(Order).limit(99).options(load_only(Order.id, Order.total)))]",
        ),
        (
            "[o.total for o in (await db.scalars(«select(Order)»)).all()]",
            "[o.total for o in (await db.scalars("
            "select(Order).options(load_only(Order.total)))).all()]",
        ),
    ],
)
def test_names_what_is_read(fixed, before, after):
    assert fixed(before) == f"{START}{after}\n"


def test_defer_where_only_long_columns_are_unread(fixed):
    read = [field for field in ALCHEMY if field not in ("note", "attachment")]
    values = ", ".join(f"o.{name}" for name in read)
    after = fixed(f"[({values}) for o in await db.scalars(«select(Order)»)]")
    assert "select(Order).options(defer(Order.note), defer(Order.attachment))" in after
    assert "import defer, load_only" in after
