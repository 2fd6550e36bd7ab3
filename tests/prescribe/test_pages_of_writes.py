"""The pages of the fixers of writes show what the fixers write for their example."""

import re

import pytest

from tests.prescribe.test_pages import PAGES
from tests.prescribe.writes import MODELS, advice
from unslow.lab.patching import diff
from unslow.lab.prescribe import (
    django_bulk_create,
    django_bulk_update,
    django_delete,
    django_update,
)

CASES = [
    (django_bulk_create, MODELS, "insert", "Order.objects.create(number=order.number)"),
    (django_update, MODELS, "update", "order.save()"),
    (django_bulk_update, MODELS, "update", "order.save()"),
    (django_delete, MODELS, "delete", "order.delete()"),
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
    (patch,) = advice(bench, fixer, operation, models=models)
    assert diff([patch], bench.source.read) == expected
