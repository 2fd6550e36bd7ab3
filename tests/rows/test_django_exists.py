import pytest

from unslow.lab.prescribe import django_exists as fixer

HEAD = "from shop.models import Order\n\n\nasync def run(request):\n"


@pytest.fixture
def fixed(rows_bench):
    rows_bench.detector = "count-for-existence"
    return lambda *lines: rows_bench.fixed(fixer, HEAD + "".join(f"    {one}\n" for one in lines))


@pytest.fixture
def count(rows_bench, fixed):
    rows_bench.loads = {"kind": "count"}
    return fixed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return «Order.objects.count()» > 0", "return Order.objects.exists()"),
        ("return «Order.objects.count()» != 0", "return Order.objects.exists()"),
        ("return «Order.objects.count()» >= 1", "return Order.objects.exists()"),
        ("return «Order.objects.count()» == 0", "return not Order.objects.exists()"),
        ("return «Order.objects.count()» < 1", "return not Order.objects.exists()"),
        ("return bool(«Order.objects.count()»)", "return bool(Order.objects.exists())"),
        ("return 1 if «Order.objects.count()» else 2", "return 1 if Order.objects.exists() else 2"),
        ("return not «Order.objects.count()»", "return not Order.objects.exists()"),
        ("return await «Order.objects.acount()» > 0", "return await Order.objects.aexists()"),
    ],
)
def test_no_count(count, before, after):
    assert count(before) == f"{HEAD}    {after}\n"


def test_a_count_with_a_name(count):
    before = ["late = «Order.objects.count()»", "if late == 0:", "    return 1", "return 2"]
    after = ["late = Order.objects.exists()", "if not late:", "    return 1", "return 2"]
    assert count(*before) == HEAD + "".join(f"    {line}\n" for line in after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return len(«Order.objects.all()») > 0", "return Order.objects.all().exists()"),
        ("return len(list(«Order.objects.all()»)) == 0", "return not Order.objects.all().exists()"),
        ("return bool(«Order.objects.all()»)", "return bool(Order.objects.all().exists())"),
        (
            "return 1 if «Order.objects.all()» else 2",
            "return 1 if Order.objects.all().exists() else 2",
        ),
    ],
)
def test_no_rows(fixed, before, after):
    assert fixed(before) == f"{HEAD}    {after}\n"


def test_no_list(fixed):
    before = ["late = list(«Order.objects.all()»)", "if not late:", "    return 1", "return 2"]
    after = ["late = Order.objects.all()", "if not late.exists():", "    return 1", "return 2"]
    assert fixed(*before) == HEAD + "".join(f"    {line}\n" for line in after)


def test_nothing_for_values(fixed):
    assert fixed("return len(«Order.objects.select_for_update()») > 0") is None
