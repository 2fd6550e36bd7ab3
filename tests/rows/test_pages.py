"""The pages of the fixers of rows show what the fixers write for their example."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.rows.conftest import RowsBench
from unslow.lab.patching import diff
from unslow.lab.prescribe import Source

PAGES = Path(__file__).parents[2] / "docs/fixers"
QUERIES = {  # the page's fixer, its detector, and the expression of the example that is seen
    "django-aggregate": ("python-aggregate", "Order.objects.filter(paid=True)"),
    "sqlalchemy-aggregate": ("python-aggregate", "select(Order).where(Order.paid)"),
    "django-only": ("unused-column", "Order.objects.filter(paid=True)"),
    "django-values-list": ("unused-column", "Order.objects.filter(paid=True)"),
    "sqlalchemy-load-only": ("unused-column", "select(Order).where(Order.paid)"),
    "django-filter": ("python-filter", 'Order.objects.order_by("id")'),
    "sqlalchemy-where": ("python-filter", "select(Order).order_by(Order.id)"),
    "django-plain-rows": (
        "unused-eager-load",
        'Order.objects.select_related("customer").prefetch_related("items")',
    ),
    "sqlalchemy-plain-rows": (
        "unused-eager-load",
        "select(Order).options(joinedload(Order.customer)).limit(99)",
    ),
    "django-slice": ("unused-row", 'Order.objects.order_by("-id")'),
    "sqlalchemy-limit": ("unused-row", "select(Order).order_by(Order.id.desc())"),
    "django-exists": ("count-for-existence", "Order.objects.filter(paid=False)"),
    "sqlalchemy-exists": (
        "count-for-existence",
        "select(Order).where(Order.paid.is_(False))",
    ),
    "django-group-by": ("python-aggregate", "Order.objects.filter(paid=True)"),
    "sqlalchemy-group-by": ("python-aggregate", "session.scalars(statement)"),
    "sqlalchemy-columns": ("unused-column", "select(Order).where(Order.paid)"),
}


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", (PAGES / f"{page}.md").read_text(), re.M | re.S)


@pytest.mark.parametrize("page", QUERIES)
def test_the_page_shows_the_diff(page: str, rows_bench: RowsBench) -> None:
    (example, *_), (expected, *_) = blocks(page, "python"), blocks(page, "diff")
    rows_bench.detector, cause = QUERIES[page]
    rows_bench.orm = page.partition("-")[0]
    rows_bench.line_length = 88
    fixer = import_module(f"unslow.lab.prescribe.{page.replace('-', '_')}")
    assert example.count(cause) == 1
    assert rows_bench.fixed(fixer, example.replace(cause, f"«{cause}»"))
    assert diff([rows_bench.patch], Source([rows_bench.root]).read) == expected
