"""The pages of the fixers of writes show what the fixers write for their example."""

import re

import pytest

from tests.prescribe.test_pages import PAGES
from tests.prescribe.writes import MODELS, advice, alchemy
from unslow.lab.patching import diff
from unslow.lab.prescribe import (
    django_bulk_create,
    django_bulk_update,
    django_delete,
    django_update,
    sqlalchemy_delete,
    sqlalchemy_flush_once,
    sqlalchemy_insert,
    sqlalchemy_update,
)
from unslow.model import Site

CASES = [
    (django_bulk_create, MODELS, "insert", "Order.objects.create(number=order.number)"),
    (django_update, MODELS, "update", "order.save()"),
    (django_bulk_update, MODELS, "update", "order.save()"),
    (django_delete, MODELS, "delete", "order.delete()"),
    (sqlalchemy_update, alchemy(), "update", "session.commit()"),
    (sqlalchemy_delete, alchemy(), "delete", "session.commit()"),
    (sqlalchemy_flush_once, alchemy(), "insert", "session.flush()"),
    (
        sqlalchemy_insert,
        alchemy(),
        "insert",
        "session.execute(insert(Order).values(number=number))",
    ),
]


@pytest.mark.parametrize(
    ("fixer", "models", "operation", "cause"), CASES, ids=lambda value: getattr(value, "FIXER", "")
)
def test_the_page_shows_what_the_fixer_writes(bench, fixer, models, operation, cause):
    page = (PAGES / f"{fixer.FIXER}.md").read_text()
    (example, *_) = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
    (expected, *_) = re.findall(r"^```diff\n(.*?)^```$", page, re.M | re.S)
    assert example.count(cause) == 1
    bench.write(example.replace(cause, f"«{cause}»"))
    line = next(n for n, text in enumerate(example.splitlines(), 1) if "    for " in text)
    loop = Site("shop/views.py", line, line, 4, 5, "f")
    (patch,) = advice(bench, fixer, operation, models=models, loop=loop)
    assert diff([patch], bench.source.read) == expected
