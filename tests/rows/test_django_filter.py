import ast

import pytest

from unslow.lab.prescribe import django_filter as fixer

HEAD = "from shop.models import Order\n\n\ndef run(request, limit=9, status='open'):\n"
ALL = "«Order.objects.all()»"


@pytest.fixture
def fixed(rows_bench):
    rows_bench.detector = "python-filter"
    return lambda *lines: rows_bench.fixed(fixer, view(*lines))


def view(*lines):
    return HEAD + "".join(f"    {line}\n" for line in lines)


def unparsed(text):
    return ast.unparse(ast.parse(text))


@pytest.mark.parametrize(
    ("test", "call"),
    [
        ("o.paid", ".filter(paid=True)"),
        ("not o.paid", ".filter(paid=False)"),
        ("o.status == 'open'", '.filter(status="open")'),
        ("'open' == o.status", '.filter(status="open")'),
        ("o.status != status", ".exclude(status=status)"),
        ("not o.status == status", ".exclude(status=status)"),
        ("o.status in ('open', 'paid')", '.filter(status__in=("open", "paid"))'),
        ("o.total > 3", ".filter(total__gt=3)"),
        ("3 > o.total", ".filter(total__lt=3)"),
        ("not o.total < limit", ".filter(total__gte=limit)"),
        ("o.note", '.exclude(note="")'),
        ("o.sent_at is None", ".filter(sent_at__isnull=True)"),
        ("o.sent_at", ".filter(sent_at__isnull=False)"),
        ("o.customer_id == request.customer_id", ".filter(customer=request.customer_id)"),
        ("o.paid and o.total > 3", ".filter(paid=True, total__gt=3)"),
        ("not (o.paid or o.total > 3)", ".filter(paid=False, total__lte=3)"),
    ],
)
def test_a_condition_of_sql(fixed, test, call):
    after = f"return [o for o in Order.objects.all(){call}]"
    assert unparsed(fixed(f"return [o for o in {ALL} if {test}]")) == unparsed(view(after))


def test_one_of_two_conditions(fixed):
    before = f"return [o for o in {ALL} if o.paid if o.is_late()]"
    after = "return [o for o in Order.objects.all().filter(paid=True) if o.is_late()]"
    assert unparsed(fixed(before)) == unparsed(view(after))


def test_a_queryset_with_a_name(fixed):
    before = [f"orders = {ALL}", "return [o for o in orders if o.paid]"]
    after = ["orders = Order.objects.all()", "return [o for o in orders.filter(paid=True)]"]
    assert fixed(*before) == view(*after)


def test_a_loop_that_skips(fixed):
    before = [f"for o in {ALL}:", "    if not o.paid:", "        continue", "    send(o)"]
    after = ["for o in Order.objects.all().filter(paid=True):", "    send(o)"]
    assert fixed(*before) == view(*after)


def test_a_loop_around_an_if(fixed):
    before = [f"for o in {ALL}:", "    if o.paid:", "        send(", "            o", "        )"]
    after = ["for o in Order.objects.all().filter(paid=True):", "    send(", "        o", "    )"]
    assert fixed(*before) == view(*after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "sorted(«Order.objects.all()», key=lambda o: o.total)[:10]",
            'list(Order.objects.all().order_by("total", "pk")[:10])',
        ),
        (
            "sorted(«Order.objects.all()», key=lambda o: o.total, reverse=True)[:limit]",
            'list(Order.objects.all().order_by("-total", "pk")[:limit])',
        ),
        (
            "sorted(«Order.objects.order_by('-placed_at')», key=lambda o: (-o.total, o.on))[:9]",
            None,
        ),
        (
            "sorted(«Order.objects.order_by('-placed_at')», key=lambda o: (-o.total, o.id))[:9]",
            'list(Order.objects.order_by(\'-placed_at\').order_by("-total", "id", '
            '"-placed_at")[:9])',
        ),
        ("sorted(«Order.objects.order_by('?')», key=lambda o: o.total)[:9]", None),
        ("list(«Order.objects.all()»)[:10]", "list(Order.objects.all()[:10])"),
    ],
)
def test_the_first_rows(fixed, before, after):
    wanted = None if after is None else view(f"return {after}")
    assert fixed(f"return {before}") == wanted


def test_the_order_of_the_model_decides_between_equal_rows(rows_bench, fixed):
    models = rows_bench.root / "shop/models.py"
    models.parent.mkdir(parents=True)
    models.write_text("class Order:\n    class Meta:\n        ordering = ['number', 'id']\n")
    rows_bench.site = "shop/models.py"
    after = fixed("return sorted(«Order.objects.all()», key=lambda o: o.total)[:10]")
    assert '.order_by("total", "number", "id")[:10]' in after
