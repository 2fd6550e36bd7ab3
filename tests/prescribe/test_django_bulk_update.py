import pytest

from tests.prescribe.writes import advice, changed, fixed, refused, with_field
from unslow.lab.prescribe import django_bulk_update as fixer
from unslow.model import Field

HEAD = "from shop.models import Order\n\n\n"


def loop(body: str, over: str = "Order.objects.all()") -> str:
    lines = "".join(f"        {line}\n" for line in body.split("\n"))
    return f"{HEAD}def f(names):\n    for order in {over}:\n{lines}    return names\n"


SAVE = loop("order.number = names[order.pk]\n«order.save()»")


# --- nothing changes -------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["insert", "delete"])
def test_silent_on_other_writes(bench, operation):
    bench.write(SAVE)
    assert advice(bench, fixer, operation) == []


def test_silent_where_one_update_does_it(bench):
    bench.write(loop("order.status = 'paid'\n«order.save()»"))
    assert advice(bench, fixer, "update") == []


@pytest.mark.parametrize(
    ("models", "reason"),
    [
        (changed(overrides=("save",)), "overrides save()"),
        (changed(signals=("post_save",)), "post_save of Order"),
        (changed(parents=("shop.Base",)), "parent"),
        (with_field(Field("slug", "slug", "AutoSlugField", on_save="other")), "sets itself"),
        (with_field(Field("day", "day", "DateField", on_save="now")), "sets itself"),
    ],
)
def test_recommends_where_a_bulk_would_pass_something_by(bench, models, reason):
    bench.write(SAVE)
    assert reason in refused(bench, fixer, "update", models=models)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("order.close()\n«order.save()»", "may change more"),
        ("print(order.number)\n«order.save()»", "plain"),
        ("order.number = 1\norder.close()\n«order.save()»", "may change more"),
        ("order.number = 1\nclose(order)\n«order.save()»", "may change more"),
        ("order.pk = 1\n«order.save()»", "plain"),
        ("order.id = names[0]\n«order.save()»", "plain"),
        ("order.number = names[0]\n«order.save(using='other')»", "plain"),
        ("order.number = names[0]\n«order.save(update_fields=names)»", "plain"),
        ("order.customer.name = names[0]\n«order.customer.save()»", "plain"),
        ("new = make(order)\nnew.number = names[0]\n«new.save()»", "plain"),
        ("order.number = names[0]\n«order.save()»\nif order.last:\n    return 1", "before its end"),
        ("Order.objects.filter(pk=order.pk)«.update(number=names[0])»", "plain"),
    ],
)
def test_recommends_where_the_saves_are_not_plain(bench, body, reason):
    bench.write(loop(body))
    assert reason in refused(bench, fixer, "update")


def test_recommends_where_the_table_is_read_again(bench):
    bench.write(SAVE)
    assert "read again" in refused(bench, fixer, "update", rereads=True)


# --- changes ---------------------------------------------------------------------------------


def test_changed_rows_are_saved_after_the_loop(bench):
    bench.write(SAVE)
    assert fixed(bench, fixer, "update") == (
        f"""{HEAD}def f(names):
    changed_orders = []
    for order in Order.objects.all():
        order.number = names[order.pk]
        changed_orders.append(order)
    Order.objects.bulk_update(changed_orders, ["number"])
    return names
"""
    )


def test_rows_that_are_saved_on_a_condition(bench):
    bench.write(loop("if order.total > 3:\n    order.number = names[order.pk]\n    «order.save()»"))
    assert """
        if order.total > 3:
            order.number = names[order.pk]
            changed_orders.append(order)
    Order.objects.bulk_update(changed_orders, ["number"])
""" in fixed(bench, fixer, "update")


def test_update_fields_tell_what_a_method_changes(bench):
    bench.write(loop('order.close()\n«order.save(update_fields=["status", "number"])»'))
    text = fixed(bench, fixer, "update")
    assert 'bulk_update(changed_orders, ["status", "number"])' in text
    assert "order.close()\n        changed_orders.append(order)\n" in text


def test_what_each_save_sets_to_the_time_is_set_to_the_time(bench):
    bench.write(SAVE)
    stamp = Field("changed_at", "changed_at", "DateTimeField", on_save="now")
    text = fixed(bench, fixer, "update", models=with_field(stamp))
    assert "from django.utils import timezone\n" in text
    assert (
        "        order.changed_at = timezone.now()\n        changed_orders.append(order)\n" in text
    )
    assert '["number", "changed_at"])' in text


def test_a_foreign_key_by_its_column(bench):
    bench.write(loop("order.customer_id = names[order.pk]\n«order.save()»"))
    assert 'bulk_update(changed_orders, ["customer"])' in fixed(bench, fixer, "update")


def test_the_asynchronous_call(bench):
    text = SAVE.replace("def f", "async def f").replace("«order.save()»", "await «order.asave()»")
    bench.write(text)
    assert "    await Order.objects.abulk_update(changed_orders, [" in fixed(bench, fixer, "update")
