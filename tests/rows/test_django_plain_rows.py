import pytest

from unslow.lab.prescribe import django_plain_rows as fixer

HEAD = "from shop.models import Order\n\n\ndef run(request):\n    return "


@pytest.fixture
def fixed(rows_bench):
    rows_bench.detector = "unused-eager-load"
    return lambda query, read="o.number": rows_bench.fixed(
        fixer, f"{HEAD}[{read} for o in «{query}»]\n"
    )


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ("Order.objects.select_related()", "o.number"),
        ("Order.objects.select_related(*names)", "o.number"),
        ("Order.objects.select_related('customer')", "o.customer.name"),
        ("Order.objects.select_related('customer')", "o.label"),
        ("Order.objects.prefetch_related(Prefetch('items', to_attr='all'))", "o.number"),
        ("Order.objects.prefetch_related('items')", "len(o.items.all())"),
    ],
)
def test_nothing_where_the_relation_may_be_read(fixed, query, read):
    assert fixed(query, read) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Order.objects.select_related('customer')", "Order.objects.all()"),
        ("Order.objects.select_related('customer').all()", "Order.objects.all()"),
        ("Order.objects.select_related('customer__company')[:9]", "Order.objects.all()[:9]"),
        ("Order.objects.all().prefetch_related('items', 'customer')", "Order.objects.all()"),
        (
            "Order.objects.all().prefetch_related(Prefetch('items', Item.objects.all()))",
            "Order.objects.all()",
        ),
        (
            "Order.objects.select_related('customer').prefetch_related('items')",
            "Order.objects.all()",
        ),
    ],
)
def test_a_step_goes(fixed, before, after):
    assert fixed(before) == f"{HEAD}[o.number for o in {after}]\n"


def test_one_of_two_relations_goes(fixed):
    before = "Order.objects.prefetch_related('items', 'customer')"
    after = "Order.objects.prefetch_related('customer')"
    read = "(o.number, o.customer.name)"
    assert fixed(before, read) == f"{HEAD}[{read} for o in {after}]\n"
