import pytest

from unslow.lab.prescribe import django_aggregate as fixer

HEAD = "from django.db.models import Sum\nfrom shop.models import Item, Order\n\n\n"
PLAIN = "from shop.models import Item, Order\n\n\n"


@pytest.fixture
def fixed(rows_bench):
    rows_bench.detector = "python-aggregate"
    return lambda text: rows_bench.fixed(fixer, text)


def view(*lines, head=HEAD):
    return (
        head + "def run(status='open', note=None):\n" + "".join(f"    {line}\n" for line in lines)
    )


# --- nothing changes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "return sum(order.weight for order in «Order.objects.all()»)",
        "return sum(order.total / 2 for order in «Order.objects.all()»)",
        "return sum(order.get_total() for order in «Order.objects.all()»)",
        "return sum(order.rate for order in «Order.objects.all()»)",
        "return sum((o.total for o in «Order.objects.all()»), 5)",
        "return max(order.total for order in «Order.objects.all()»)",
        "return max(order.status for order in «Order.objects.all()»)",
        "return sum(o.total for o in «Order.objects.all()» if o.customer.vip)",
        "return sum(o.total for o in «Order.objects.all()[:9]» if o.status == 'open')",
        "return sum(o['total'] for o in «Order.objects.values('total')»)",
        "return sum(o.total for o in «Order.objects.select_for_update()»)",
    ],
)
def test_recommends_where_sql_might_give_another_total(fixed, line):
    assert fixed(view(line)) is None


# --- what changes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "return sum(order.total for order in «Order.objects.all()»)",
            'return Order.objects.all().aggregate(Sum("total"))["total__sum"] or 0',
        ),
        (
            "return 1 + sum([o.total for o in «Order.objects.all()»])",
            'return 1 + (Order.objects.all().aggregate(Sum("total"))["total__sum"] or 0)',
        ),
        (
            "return sum(o.total for o in «Order.objects.all()» if o.status == 'open')",
            'return Order.objects.all().filter(status="open")'
            '.aggregate(Sum("total"))["total__sum"] or 0',
        ),
        (
            "return sum(o.total for o in «Order.objects.all()» if o.status != status)",
            "return Order.objects.all().exclude(status=status)"
            '.aggregate(Sum("total"))["total__sum"] or 0',
        ),
        ("return len(«Order.objects.all()»)", "return Order.objects.all().count()"),
        (
            "return len(list(«Order.objects.filter(total__gt=3)»))",
            "return Order.objects.filter(total__gt=3).count()",
        ),
        (
            "return len([o for o in «Order.objects.all()» if o.total >= 3])",
            "return Order.objects.all().filter(total__gte=3).count()",
        ),
        (
            "return sum(1 for o in «Order.objects.all()» if o.status == 'open' and o.total > 3)",
            'return Order.objects.all().filter(status="open", total__gt=3).count()',
        ),
    ],
)
def test_one_total_in_place(fixed, before, after):
    assert fixed(view(before)) == view(after)


def test_a_largest_value_with_a_default(fixed):
    before = "return max((o.total for o in «Order.objects.all()»), default=None)"
    assert fixed(view(before, head=PLAIN)) == view(
        'return Order.objects.all().aggregate(Max("total"))["total__max"]',
        head="from django.db.models import Max\n\n" + PLAIN,
    )


def test_an_expression_of_columns(fixed):
    before = "return sum(o.total * (o.total + 2) for o in «Order.objects.all()»)"
    after = 'value=Sum(F("total") * (F("total") + 2))'
    assert fixed(view(before)) == view(
        f'return Order.objects.all().aggregate({after})["value"] or 0',
        head=HEAD.replace("import Sum", "import F, Sum"),
    )


def test_a_loop_that_adds(fixed):
    before = [
        "total = 0",
        "for o in «Order.objects.all()»:",
        "    total += o.total",
        "return total",
    ]
    assert fixed(view(*before)) == view(
        "total = 0",
        'total += Order.objects.all().aggregate(Sum("total"))["total__sum"] or 0',
        "return total",
    )


def test_a_loop_that_adds_twice(fixed):
    before = [
        "total = paid = 0",
        "for o in «Order.objects.all()»:",
        "    total += o.total",
        "    paid += 1",
        "return total, paid",
    ]
    assert fixed(view(*before)) == view(
        "total = paid = 0",
        'totals = Order.objects.all().aggregate(total_sum=Sum("total"), count=Count("pk"))',
        'total += totals["total_sum"] or 0',
        'paid += totals["count"]',
        "return total, paid",
        head=HEAD.replace("import Sum", "import Count, Sum"),
    )


def test_a_mean_of_a_named_list(fixed):
    before = [
        "orders = list(«Order.objects.filter(total__gt=1)»)",
        "if not orders:",
        "    return None",
        "return sum(o.total for o in orders) / len(orders)",
    ]
    assert fixed(view(*before)) == view(
        "orders = Order.objects.filter(total__gt=1)",
        'totals = orders.aggregate(count=Count("pk"), total_sum=Sum("total"))',
        'if not totals["count"]:',
        "    return None",
        'return (totals["total_sum"] or 0) / totals["count"]',
        head=HEAD.replace("import Sum", "import Count, Sum"),
    )


def test_a_queryset_that_is_narrowed_on_the_way(fixed):
    before = [
        "orders = «Order.objects.all()»",
        "if status:",
        "    orders = orders.filter(status=status)",
        "return sum(o.total for o in orders)",
    ]
    assert fixed(view(*before)) == view(
        "orders = Order.objects.all()",
        "if status:",
        "    orders = orders.filter(status=status)",
        'return orders.aggregate(Sum("total"))["total__sum"] or 0',
    )


def test_conditions_of_several_totals(fixed):
    before = [
        "orders = «Order.objects.all()»",
        "open_ = sum(o.total for o in orders if o.status == 'open')",
        "rest = sum(1 for o in orders if o.status != 'open')",
        "return open_, rest",
    ]
    assert fixed(view(*before)) == view(
        "orders = Order.objects.all()",
        'totals = orders.aggregate(open_=Sum("total", filter=Q(status="open")), '
        'rest=Count("pk", filter=~Q(status="open")))',
        'open_ = totals["open_"] or 0',
        'rest = totals["rest"]',
        "return open_, rest",
        head=HEAD.replace("import Sum", "import Count, Q, Sum"),
    )


def test_decimals_ask_for_review(rows_bench, fixed):
    assert fixed(view("return sum(o.price for o in «Order.objects.all()»)"))
    assert rows_bench.patch.safety == "review"
