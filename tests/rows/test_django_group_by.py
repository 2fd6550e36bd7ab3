# ruff: noqa: E501 -- sources in one line

import ast

import pytest

from unslow.lab.prescribe import django_group_by as fixer

HEAD = "from django.db.models import Count, Sum\nfrom shop.models import Order\n\n\n"


@pytest.fixture
def fixed(rows_bench):
    rows_bench.detector = "python-aggregate"
    return lambda text: rows_bench.fixed(fixer, text)


def view(*lines):
    return HEAD + "def run(request, totals):\n" + "".join(f"    {line}\n" for line in lines)


LOOP = "for order in «Order.objects.all()»:"


@pytest.mark.parametrize(
    "lines",
    [
        (LOOP, "    totals[order.status] += order.rate"),
        (LOOP, "    totals[order.rate] += order.total"),
        (LOOP, "    totals[order.status.lower()] += order.total"),
        (LOOP, "    totals[order.status] -= order.total"),
        (LOOP, "    totals[order.status] += float(order.price)"),
        (LOOP, "    totals[order.status] += order.total", "    print(order)"),
        (LOOP, "    totals[order.status] += order.total", "print(order)"),
        (LOOP, "    totals[order.status] += order.total", "else:", "    print(1)"),
        (LOOP, "    totals[order.status] += 1", "    totals[order.number] += 1"),
        (LOOP, "    totals[order.status] += 1", "    totals[order.status] += 1"),
        (LOOP, "    totals[order.status] = order.total"),
        (LOOP, "    totals[order.status] = totals.get(order.number, 0) + 1"),
        (LOOP, "    if order.due():", "        totals[order.status] += 1"),
        (LOOP, "    if order.status not in totals:", "        totals[order.status] = 0"),
        ("for order in «Order.objects.all()[:90]»:", "    totals[order.status] += 1"),
        ("for order in «Order.objects.distinct()»:", "    totals[order.status] += 1"),
        ("orders = «Order.objects.all()»", "for o in orders:", "    totals[o.status] += 1", "use(orders)"),
        ("return Counter(o.status.lower() for o in «Order.objects.all()»)",),
        ("return Counter((o.status for o in «Order.objects.all()»), 1)",),
    ],
)  # fmt: skip
def test_nothing_changes_where_the_rows_are_needed(fixed, lines):
    assert fixed(view(*lines)) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            (LOOP, "    totals[order.status] += order.total"),
            (
                'for status, total in Order.objects.all().values_list("status").annotate(Sum("total")):',
                "    totals[status] += total",
            ),
        ),
        (
            (LOOP, "    totals[order.status] = totals.get(order.status, 0) + 1"),
            (
                'for status, count in Order.objects.all().values_list("status").annotate(Count("pk")):',
                "    totals[status] = totals.get(status, 0) + count",
            ),
        ),
        (
            (LOOP, "    if order.paid:", "        totals[order.customer_id] += 1"),
            (
                "for customer_id, count in (",
                '    Order.objects.all().filter(paid=True).values_list("customer_id").annotate(Count("pk"))',
                "):",
                "    totals[customer_id] += count",
            ),
        ),
        (
            (
                LOOP,
                "    if order.status not in totals:",
                "        totals[order.status] = 0",
                "    totals[order.status] += order.total",
                "    request[order.status] += 1",
            ),
            (
                "for status, total, count in (",
                '    Order.objects.all().values_list("status").annotate(Sum("total"), Count("pk"))',
                "):",
                "    if status not in totals:",
                "        totals[status] = 0",
                "    totals[status] += total",
                "    request[status] += count",
            ),
        ),
        (
            ("return Counter(order.status for order in «Order.objects.all()»)",),
            (
                'return Counter(dict(Order.objects.all().values_list("status").annotate(Count("pk"))))',
            ),
        ),
        (
            ("orders = list(«Order.objects.all()»)", "for o in orders:", "    totals[o.status] += o.total"),
            (
                "orders = Order.objects.all()",
                'for status, total in orders.values_list("status").annotate(Sum("total")):',
                "    totals[status] += total",
            ),
        ),
    ],
)  # fmt: skip
def test_the_loop_runs_over_groups(fixed, before, after):
    got = fixed(view(*before))
    assert got is not None
    assert ast.dump(ast.parse(got)) == ast.dump(ast.parse(view(*after)))


def test_an_order_is_no_part_of_the_groups(rows_bench, monkeypatch):
    from tests.rows import conftest

    plain = conftest.query
    monkeypatch.setattr(
        conftest, "query", lambda sql, *a, **k: plain(f"{sql} ORDER BY id", *a, **k)
    )
    rows_bench.detector = "python-aggregate"
    text = rows_bench.fixed(fixer, view(LOOP, "    totals[order.status] += order.total * 2"))
    wanted = '.order_by().values_list("status").annotate(amount=Sum(F("total")*2))'
    assert wanted in "".join(text.split())
