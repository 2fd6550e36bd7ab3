import ast

import pytest

from unslow.lab.prescribe import django_values_list as fixer

HEAD = "from shop.models import Order\n\n\ndef run(request):\n"
ALL = "«Order.objects.all()»"


@pytest.fixture
def fixed(rows_bench):
    rows_bench.detector = "unused-column"
    return lambda *lines: rows_bench.fixed(fixer, HEAD + "".join(f"    {one}\n" for one in lines))


def unparsed(text):
    return ast.unparse(ast.parse(text))


@pytest.mark.parametrize(
    "line",
    [
        f"return [o.customer.name for o in {ALL}]",
        f"return [o.attachment for o in {ALL}]",
        "return [o.count for o in «Order.objects.annotate(count=Count('items'))»]",
    ],
)
def test_nothing_where_a_value_is_less_than_the_attribute(fixed, line):
    assert fixed(line) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"return [o.number for o in {ALL}]", "return list(Order.objects.all()FLAT)"),
        (f"return {{o.number for o in {ALL}}}", "return set(Order.objects.all()FLAT)"),
        (f"return ','.join(o.number for o in {ALL})", "return ','.join(Order.objects.all()FLAT)"),
        (f"return sorted((o.number for o in {ALL}))", "return sorted((Order.objects.all()FLAT))"),
        (f"return [o.number for o in {ALL}[:9]]", "return list(Order.objects.all()FLAT[:9])"),
    ],
)
def test_one_column_is_flat(fixed, rows_bench, before, after):
    flat = '.values_list("number", flat=True)'
    assert unparsed(fixed(before)) == unparsed(f"{HEAD}    {after.replace('FLAT', flat)}\n")
    assert rows_bench.patch.safety == "safe"


@pytest.mark.parametrize(
    "line",
    [
        f"return [(o.number, o.total) for o in {ALL}]",
        f"return [o.number.lower() for o in {ALL}]",
        f"return [o.number for o in {ALL} if o.paid]",
        f"return (o.number for o in {ALL})",
    ],
)
def test_elsewhere_the_rows_have_names(fixed, rows_bench, line):
    assert "named=True" in fixed(line)
    assert rows_bench.patch.safety == "review"


def test_the_values_of_a_queryset_with_a_name(fixed):
    after = fixed(f"orders = {ALL}", "return [o.number for o in orders]")
    assert after == (
        f'{HEAD}    orders = Order.objects.all().values_list("number", flat=True)\n'
        "    return list(orders)\n"
    )
