"""The pages of the fixers show what the fixers write for their example."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from unslow.lab.patching import diff
from unslow.lab.prescribe import (
    cached_property,
    django_in_bulk,
    django_prefetch_related,
    django_select_related,
    local_variable,
    sqlalchemy_eager_load,
    sqlalchemy_in_query,
)

PAGES = Path(__file__).parents[2] / "docs/fixers"


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", (PAGES / page).read_text(), re.M | re.S)


def shown(bench, fixer, page, cause, paths=(), nth=0, **load):
    """The fixer's diff for the page's example, and the diff on the page."""
    (example, *_), (expected, *_) = blocks(page, "python"), blocks(page, "diff")
    assert example.count(cause) == 1
    bench.write(example.replace(cause, f"«{cause}»"))
    loads = [bench.load(path) for path in paths]
    if load:
        alone = bench.load("customer", uses=tuple(bench.sites), **load)
        inner = replace(alone.load, relation="", parent="", origin=None)
        loads = [replace(alone, load=inner, relation_path=())]
    patch = bench.patches(fixer, *loads)[nth]
    bench.apply(patch)
    return diff([patch], bench.source.read), expected


def test_django_select_related(bench):
    cause = 'Order.objects.order_by("-id")'
    paths = ("customer", "customer.company")
    made, page = shown(bench, django_select_related, "django-select-related.md", cause, paths)
    assert made == page


def test_django_prefetch_related(bench):
    cause = 'Order.objects.order_by("id")'
    paths = ("items", "items.product")
    made, page = shown(
        bench, django_prefetch_related, "django-prefetch-related.md", cause, paths, nth=1
    )
    assert made == page


def test_django_in_bulk(bench):
    cause = "Order.objects.get(pk=item.order_id)"
    load = {"kind": "get", "model": "shop.Order"}
    made, page = shown(bench, django_in_bulk, "django-in-bulk.md", cause, **load)
    assert made == page


def test_sqlalchemy_eager_load(alchemy):
    cause = "select(Order).order_by(Order.id).limit(50)"
    paths = ("customer", "items")
    made, page = shown(alchemy, sqlalchemy_eager_load, "sqlalchemy-eager-load.md", cause, paths)
    assert made == page


def test_sqlalchemy_in_query(alchemy):
    (example, *_) = blocks("sqlalchemy-in-query.md", "python")
    cause = re.search(r"await session\.scalar\(.*?\n        \)", example, re.S).group()
    load = {"kind": "count", "model": "shop.models.Item"}
    made, page = shown(alchemy, sqlalchemy_in_query, "sqlalchemy-in-query.md", cause, **load)
    assert made == page


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_the_python_of_a_page_compiles(page):
    for block in blocks(page.name, "python"):
        compile(block, page.name, "exec")


def test_local_variable(bench):
    cause = "Order.objects.filter(customer=customer).exists()"
    example, expected = (blocks("local-variable.md", kind)[0] for kind in ("python", "diff"))
    bench.write(example.replace(cause, f"«{cause}»"))
    assert _of_duplicate(bench, local_variable, "exists") == expected


def test_cached_property(bench):
    cause = "self.items.count()"
    example, expected = (blocks("cached-property.md", kind)[0] for kind in ("python", "diff"))
    bench.write(example.replace(cause, f"«{cause}»"))
    assert _of_duplicate(bench, cached_property, "count") == expected


def _of_duplicate(bench, fixer, kind):
    asked = bench.load("customer", kind=kind, model="shop.Order", uses=tuple(bench.sites))
    inner = replace(asked.load, relation="", parent="", origin=None)
    [patch] = bench.patches(
        fixer, replace(asked, load=inner, relation_path=()), id="duplicate-query"
    )
    bench.apply(patch)
    return diff([patch], bench.source.read)
