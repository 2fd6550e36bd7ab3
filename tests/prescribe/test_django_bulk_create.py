import pytest
from msgspec.structs import replace

from tests.prescribe.writes import MODELS, advice, changed, fixed, refused
from unslow.lab.prescribe import django_bulk_create as fixer

HEAD = "from shop.models import Order\n\n\n"


def loop(body: str) -> str:
    lines = "".join(f"        {line}\n" for line in body.split("\n"))
    return f"{HEAD}def copy(old):\n    rows = []\n    for order in old:\n{lines}    return rows\n"


CREATE = loop("«Order.objects.create(number=order.number)»")


# --- nothing changes -------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["update", "delete"])
def test_silent_on_other_writes(bench, operation):
    bench.write(CREATE)
    assert advice(bench, fixer, operation) == []


def test_silent_on_a_model_that_is_not_known(bench):
    bench.write(CREATE)
    assert advice(bench, fixer, "insert", model="shop.Unknown") == []


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"overrides": ("save",)}, "overrides save()"),
        ({"signals": ("pre_save", "post_save")}, "pre_save and post_save of Order"),
        ({"parents": ("shop.Base",)}, "parent"),
    ],
)
def test_recommends_where_a_bulk_would_pass_something_by(bench, values, reason):
    bench.write(CREATE)
    assert reason in refused(bench, fixer, "insert", models=changed(**values))


@pytest.mark.parametrize(
    ("evidence", "reason"), [({"rereads": True}, "read again"), ({"others": ("b",)}, "several")]
)
def test_recommends_where_the_rounds_depend_on_what_is_written(bench, evidence, reason):
    bench.write(CREATE)
    assert reason in refused(bench, fixer, "insert", **evidence)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("new = «Order.objects.create(number=1)»\nrows.append(new.pk)", "gives a created row"),
        ("new = «Order.objects.create(number=1)»\nrows.append(new.id)", "gives a created row"),
        ("new = «Order.objects.create(number=1)»\nnotify(new)", "gives a created row"),
        ("new = «Order.objects.create(number=1)»\nnew.items.set(order.items)", "gives"),
        ("new = «Order.objects.create(number=1)»\nnew.number = 2", "gives"),
        ("rows.append(«Order.objects.create(number=1)».id)", "gives"),
        ("«Order.objects.create(number=1)»\nif order.last:\n    return rows", "before its end"),
        ("«Order.objects.create(number=1)»\nif order.bad:\n    raise ValueError", "before its end"),
        ("«Order.objects.using(order.db).create(number=1)»", "plain"),
        ("«order.copy()»", "plain"),
        ("new = Order(pk=order.pk)\n«new.save()»", "plain"),
        ("new = Order(number=1)\n«new.save(using=order.db)»", "plain"),
        ("new = make(order)\n«new.save()»", "plain"),
        ("new = Order(number=1)\n«new.save()»\nrows.append(new.pk)", "gives"),
        ("new = Order(number=1)\n«new.save()»\nnew.number = 2", "gives"),
    ],
)
def test_recommends_where_the_loop_needs_the_row(bench, body, reason):
    bench.write(loop(body))
    assert reason in refused(bench, fixer, "insert")


def test_recommends_where_the_loop_is_elsewhere(bench):
    bench.write(f"{HEAD}def copy(order):\n    «Order.objects.create(number=order.number)»\n")
    assert "another function" in refused(bench, fixer, "insert")


def test_recommends_where_a_manager_may_do_more(bench):
    bench.write("class Order(Model):\n    objects = Loud()\n    all = LoudManager()\n", "shop/m.py")
    bench.write(CREATE)
    site = replace(bench.sites[0], path="shop/m.py", line=1)
    assert "manager" in refused(bench, fixer, "insert", models=changed(site=site))


# --- changes ---------------------------------------------------------------------------------


def test_rows_are_collected_and_inserted_after_the_loop(bench):
    bench.write(CREATE)
    expected = f"""{HEAD}def copy(old):
    rows = []
    orders = []
    for order in old:
        orders.append(Order(number=order.number))
    Order.objects.bulk_create(orders)
    return rows
"""
    assert fixed(bench, fixer, "insert") == expected


def test_a_call_on_several_lines_keeps_its_layout(bench):
    bench.write(loop("«Order.objects.create(\n    number=order.number,\n    status='open',\n)»"))
    assert """
    for order in old:
        new_order = Order(
            number=order.number,
            status='open',
        )
        orders.append(new_order)
    Order.objects.bulk_create(orders)
""" in fixed(bench, fixer, "insert")


def test_a_name_keeps_the_row(bench):
    bench.write(loop("new = «Order.objects.create(number=7)»\nrows.append(new)\nlog(new.number)"))
    assert """
        new = Order(number=7)
        orders.append(new)
        rows.append(new)
        log(new.number)
    Order.objects.bulk_create(orders)
""" in fixed(bench, fixer, "insert")


def test_a_row_that_is_made_and_then_saved(bench):
    bench.write(loop("new = Order(number=7)\nnew.status = 'open'\n«new.save()»"))
    assert """
        new = Order(number=7)
        new.status = 'open'
        orders.append(new)
    Order.objects.bulk_create(orders)
""" in fixed(bench, fixer, "insert")


def test_a_comprehension_becomes_the_argument(bench):
    bench.write(
        f"{HEAD}def copy(old):\n    return [«Order.objects.create(number=n)» for n in old]\n"
    )
    assert "return Order.objects.bulk_create([Order(number=n) for n in old])\n" in fixed(
        bench, fixer, "insert"
    )


def test_a_related_manager_gives_the_foreign_key(bench):
    bench.write(
        "from shop.models import Customer\n\n\ndef copy(customer: Customer, old):\n"
        "    for order in old:\n        «customer.orders.create(number=order.number)»\n"
    )
    text = fixed(bench, fixer, "insert")
    assert "orders.append(Order(customer=customer, number=order.number))" in text
    assert "from shop.models import Customer, Order\n" in text


def test_the_outermost_loop_counts(bench):
    bench.write(
        loop("for n in order.numbers:\n    if n:\n        «Order.objects.create(number=n)»")
    )
    assert """
    orders = []
    for order in old:
        for n in order.numbers:
            if n:
                orders.append(Order(number=n))
    Order.objects.bulk_create(orders)
""" in fixed(bench, fixer, "insert")


def test_the_asynchronous_call(bench):
    bench.write(
        f"{HEAD}async def copy(old):\n    for order in old:\n"
        "        await «Order.objects.acreate(number=order.number)»\n"
    )
    text = fixed(bench, fixer, "insert")
    assert "orders.append(Order(number=order.number))\n" in text
    assert text.endswith("    await Order.objects.abulk_create(orders)\n")


def test_it_asks_for_review(bench):
    bench.write(CREATE)
    (patch,) = advice(bench, fixer, "insert", models=MODELS)
    assert (patch.fixer, patch.safety) == ("django-bulk-create", "review")
