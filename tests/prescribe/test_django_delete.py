import pytest

from tests.prescribe.writes import advice, changed, fixed, refused
from unslow.lab.prescribe import django_delete as fixer

HEAD = "from shop.models import Order\n\n\n"


def loop(body: str, over: str = 'Order.objects.filter(status="old")') -> str:
    lines = "".join(f"        {line}\n" for line in body.split("\n"))
    return f"{HEAD}def f(names):\n    for order in {over}:\n{lines}    return names\n"


DELETE = loop("«order.delete()»")


# --- nothing changes -------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["insert", "update"])
def test_silent_on_other_writes(bench, operation):
    bench.write(DELETE)
    assert advice(bench, fixer, operation) == []


def test_recommends_where_the_model_deletes_in_its_way(bench):
    bench.write(DELETE)
    models = changed(overrides=("delete",))
    assert "overrides delete()" in refused(bench, fixer, "delete", models=models)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("«order.delete(using=order.db)»", "plain"),
        ("names.append(«order.delete()»)", "plain"),
        ("«order.items.delete()»", "plain"),
        ("«order.delete()»\nnames.append(order.pk)", "after they were deleted"),
        ("«order.delete()»\nif order.last:\n    return 1", "before its end"),
    ],
)
def test_recommends_where_the_rows_are_not_plain(bench, body, reason):
    bench.write(loop(body))
    assert reason in refused(bench, fixer, "delete")


def test_recommends_where_the_table_is_read_again(bench):
    bench.write(DELETE)
    assert "read again" in refused(bench, fixer, "delete", rereads=True, others=("shop.Item",))


# --- changes ---------------------------------------------------------------------------------


def test_the_queryset_deletes_its_rows(bench):
    bench.write(DELETE)
    assert fixed(bench, fixer, "delete") == (
        f'{HEAD}def f(names):\n    Order.objects.filter(status="old").delete()\n    return names\n'
    )


def test_related_rows_go_as_before(bench):
    bench.write(DELETE)
    text = fixed(bench, fixer, "delete", others=("shop.Item",))
    assert '    Order.objects.filter(status="old").delete()\n' in text


@pytest.mark.parametrize(
    ("body", "over"),
    [
        ("if order.pk in names:\n    «order.delete()»", "Order.objects.all()"),
        ("names.append(order.pk)\n«order.delete()»", "Order.objects.all()"),
        ("«order.delete()»", "Order.objects.all()[:10]"),
        ("«order.delete()»", "names"),
    ],
)
def test_other_loops_collect_the_keys(bench, body, over):
    bench.write(loop(body, over))
    text = fixed(bench, fixer, "delete")
    assert "    to_delete = []\n    for order in " in text
    assert "to_delete.append(order.pk)\n" in text
    assert "\n    Order.objects.filter(pk__in=to_delete).delete()\n    return names\n" in text
