import pytest

from unslow.lab.prescribe import django_slice as fixer

HEAD = "from shop.models import Order\n\n\ndef run(request):\n"


@pytest.fixture
def fixed(rows_bench):
    rows_bench.detector = "unused-row"
    return lambda *lines: rows_bench.fixed(fixer, view(*lines))


def view(*lines):
    return HEAD + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    "lines",
    [
        ["return list(«Order.objects.all()»)[0]"],
        ["orders = «Order.objects.all()»", "if orders:", "    return orders[0]"],
        ["for order in «Order.objects.all()»:", "    return order"],
        ["for order in «Order.objects.all()»:", "    request.seen(order)", "    break"],
    ],
)
def test_the_queryset_is_cut(fixed, lines):
    after = [line.replace("«Order.objects.all()»", "Order.objects.all()[:1]") for line in lines]
    assert fixed(*lines) == view(*after)


def test_nothing_where_the_queryset_is_narrowed_later(fixed):
    lines = [
        "orders = «Order.objects.all()»",
        "orders = orders.filter(paid=True)",
        "for order in orders:",
        "    return order",
    ]
    assert fixed(*lines) is None
