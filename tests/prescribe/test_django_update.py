import pytest
from msgspec.structs import replace

from tests.prescribe.writes import MODELS, advice, changed, fixed, refused, with_field
from unslow.lab.prescribe import django_update as fixer
from unslow.model import Field

HEAD = """from decimal import Decimal

from django.db.models import F

from shop.models import Order


"""
STAMP = Field("changed_at", "changed_at", "DateTimeField", on_save="now")


def loop(body: str, over: str = 'Order.objects.filter(status="open")', more: str = "") -> str:
    lines = "".join(f"        {line}\n" for line in body.split("\n"))
    return f"{HEAD}def f(request, amount: int, other):\n    for order in {over}:\n{lines}{more}"


def saved(change: str, **options) -> str:
    return loop(f"{change}\n«order.save()»", **options)


# --- nothing changes -------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["insert", "delete"])
def test_silent_on_other_writes(bench, operation):
    bench.write(saved("order.status = 'paid'"))
    assert advice(bench, fixer, operation) == []


@pytest.mark.parametrize(
    "models",
    [
        changed(overrides=("save",)),
        changed(signals=("post_save",)),
        changed(parents=("shop.Base",)),
        with_field(Field("slug", "slug", "AutoSlugField", on_save="other")),
        with_field(Field("day", "day", "DateField", on_save="now")),
    ],
)
def test_silent_where_an_update_would_pass_something_by(bench, models):
    bench.write(saved("order.status = 'paid'"))
    assert advice(bench, fixer, "update", models=models) == []


@pytest.mark.parametrize(
    "change",
    [
        "order.status = order.number.upper()",
        "order.status = name_of(order)",
        "order.status = other()",
        "order.status = f'{order.number}'",
        "order.quantity = order.quantity / 2",
        "order.quantity = order.quantity // 2",
        "order.quantity = order.quantity * 1.5",
        "order.quantity = order.quantity + other",
        "order.quantity = int(order.weight)",
        "order.weight = order.total * 2",
        "order.total = order.total * order.weight",
        "order.quantity += other.quantity",
        "order.quantity = 1\norder.weight = order.quantity * 2",
        "order.quantity = 1\norder.quantity = 2",
        "order.unknown = 1",
        "other.status = 'paid'",
        "print(order)\norder.status = 'paid'",
        "if order.total:\n    order.status = 'paid'",
        "order.id = 3",
    ],
)
def test_silent_where_only_python_knows_the_values(bench, change):
    bench.write(saved(change))
    assert advice(bench, fixer, "update") == []


@pytest.mark.parametrize(
    "over",
    [
        "Order.objects.all()[:10]",
        "list(Order.objects.all())",
        "orders",
        "Order.objects.distinct()",
        "Order.objects.values()",
        "Order.open.all()",
        "Order.objects.annotate(n=Count('items'))",
        "Customer.objects.all()",
        "await Order.objects.aget()",
    ],
)
def test_silent_where_the_rows_are_no_plain_queryset(bench, over):
    bench.write(saved("order.status = 'paid'", over=over).replace("def f", "async def f"))
    assert advice(bench, fixer, "update") == []


@pytest.mark.parametrize(
    "use",
    ["return list(orders)", "return orders.count()", "print(orders)", "return orders[0]"],
)
def test_silent_where_the_rows_are_used_later(bench, use):
    text = saved("order.status = 'paid'", over="orders", more=f"    {use}\n")
    bench.write(
        text.replace("    for", '    orders = Order.objects.filter(status="open")\n    for')
    )
    assert advice(bench, fixer, "update") == []


@pytest.mark.parametrize(
    "change",
    [
        'order.total = order.total * Decimal("1.1")',
        'order.total *= Decimal("0.95")',
        'order.total = Decimal("0.75") * order.total',
        'order.total += Decimal("0.005")',
        'order.total = (order.total + 1) * Decimal("0.96")',
        "order.total = order.total * order.total",
    ],
)
def test_recommends_where_a_half_is_rounded_in_two_ways(bench, change):
    bench.write(saved(change))
    assert "half to even" in refused(bench, fixer, "update")


def test_silent_on_decimals_that_are_floats_in_the_database(bench):
    bench.write(saved('order.total = order.total * Decimal("0.96")'))
    assert advice(bench, fixer, "update", database="sqlite 3.45") == []


# --- changes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "values"),
    [
        ("order.status = 'paid'", "status='paid'"),
        ("order.status = Order.Status.PAID", "status=Order.Status.PAID"),
        ("order.customer = request.user", "customer=request.user"),
        ("order.customer_id = other.pk", "customer=other.pk"),
        ("order.status = 'a'\norder.number = None", "status='a', number=None"),
        ("order.quantity = order.quantity + 1", 'quantity=F("quantity") + 1'),
        ("order.quantity += amount", 'quantity=F("quantity") + amount'),
        ("order.quantity -= 2 * amount", 'quantity=F("quantity") - (2 * amount)'),
        ("order.quantity = 3 - order.quantity", 'quantity=3 - F("quantity")'),
        ("order.weight *= 1.1", 'weight=F("weight") * 1.1'),
        ("order.weight = order.quantity * 2.5", 'weight=F("quantity") * 2.5'),
        ("order.total = order.total * order.quantity", 'total=F("total") * F("quantity")'),
        ('order.total *= Decimal("0.96")', 'total=F("total") * Decimal("0.96")'),
        ('order.total = order.total * Decimal("1.2")', 'total=F("total") * Decimal("1.2")'),
        ('order.total += Decimal("0.05")', 'total=F("total") + Decimal("0.05")'),
        ("order.total = order.total * 2 + 1", 'total=F("total") * 2 + 1'),
    ],
)  # fmt: skip
def test_one_update_for_the_loop(bench, change, values):
    bench.write(saved(change))
    assert fixed(bench, fixer, "update") == (
        f"{HEAD}def f(request, amount: int, other):\n"
        f'    Order.objects.filter(status="open").update({values})\n'
    )


def test_a_constant_that_has_a_name(bench):
    text = saved("order.total = order.total * factor")
    bench.write(text.replace("    for", '    factor = Decimal("0.96")\n    for'))
    assert '.update(total=F("total") * factor)\n' in fixed(bench, fixer, "update")


def test_the_number_of_rows_is_what_the_update_returns(bench):
    text = saved("order.status = 'paid'", over="orders", more="    return len(orders)\n")
    bench.write(
        text.replace("    for", '    orders = Order.objects.filter(status="open")\n    for')
    )
    assert (
        '    orders = Order.objects.filter(status="open")\n'
        "    changed = orders.update(status='paid')\n"
        "    return changed\n"
    ) in fixed(bench, fixer, "update")


def test_an_iterator_is_left_out(bench):
    bench.write(saved("order.status = 'paid'", over="Order.objects.all().iterator()"))
    assert "    Order.objects.all().update(status='paid')\n" in fixed(bench, fixer, "update")


def test_update_fields_are_heeded(bench):
    bench.write(loop("order.status = 'paid'\n«order.save(update_fields=['status'])»"))
    models = with_field(STAMP)
    assert ".update(status='paid')\n" in fixed(bench, fixer, "update", models=models)


def test_what_each_save_sets_to_the_time_is_set_to_the_time(bench):
    bench.write(saved("order.status = 'paid'"))
    text = fixed(bench, fixer, "update", models=with_field(STAMP))
    assert "from django.utils import timezone\n" in text
    assert "status='paid', changed_at=timezone.now()" in text.replace("\n        ", "")


def test_a_time_that_the_loop_sets(bench):
    bench.write(
        "from django.utils import timezone\n"
        + saved("order.status = 'paid'\norder.changed_at = timezone.now()")
    )
    text = fixed(bench, fixer, "update", models=with_field(replace(STAMP, on_save="")))
    assert "status='paid', changed_at=timezone.now()" in text.replace("\n        ", "")


def test_a_long_update_is_laid_out(bench):
    long = "order.status = 'a status of some length'\norder.number = 'a number of some length'"
    bench.write(saved(long))
    assert (
        '    Order.objects.filter(status="open").update(\n'
        "        status='a status of some length', number='a number of some length'\n"
        "    )\n"
    ) in fixed(bench, fixer, "update")


def test_the_asynchronous_loop_is_left_to_others(bench):
    text = (
        saved("order.status = 'paid'").replace("def f", "async def f").replace("for", "async for")
    )
    bench.write(text.replace("«order.save()»", "await «order.asave()»"))
    assert advice(bench, fixer, "update", models=MODELS) == []
