import msgspec
import pytest

from unslow.lab.prescribe import django_in_bulk as fixer
from unslow.lab.prescribe import django_select_related
from unslow.model import Link, Origin

HEAD = "from shop.models import Customer, Item, Order\n\n\n"


def loop(body, over="Item.objects.all()", head="for item in {}:"):
    return f"{HEAD}def f(request):\n    {head.format(over)}\n        {body}\n"


@pytest.fixture
def loads(bench):
    """A load of one order, which no relation led to."""

    def loads(label="shop.Order", kind="get", relation=""):
        load = bench.load("customer", kind=kind, model=label, uses=tuple(bench.sites))
        return alone(load, relation)

    return loads


def alone(repeated, relation):
    load = msgspec.structs.replace(repeated.load, relation=relation, parent="", origin=None)
    return msgspec.structs.replace(repeated, load=load, relation_path=())


# --- nothing changes -------------------------------------------------------------------------


def test_silent_without_loads(bench):
    bench.write(loop("x = «Order.objects.get(pk=item.order_id)»"))
    assert bench.advice(fixer) == []


@pytest.mark.parametrize(("kind", "relation"), [("select", ""), ("get", "customer"), ("count", "")])
def test_silent_when_the_load_is_another(bench, loads, kind, relation):
    bench.write(loop("x = «Order.objects.get(pk=item.order_id)»"))
    assert bench.advice(fixer, loads(kind=kind, relation=relation)) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("x = «Order.objects.get(number=item.order_id)»", "primary key"),
        ("x = «Order.objects.get(pk=item.order_id, a=1)»", "primary key"),
        ("x = «Order.objects.filter(total=item.quantity).first()»", "primary key"),
        ("x = «get_object_or_404(Order, pk=item.order_id)»", "primary key"),
        ("x = «Order.objects.using(item.db).get(pk=item.order_id)»", "more than"),
        ("x = «Order.objects.select_for_update().get(pk=item.order_id)»", "more than"),
        ("x = «Order.objects.filter(paid=True).get(pk=item.order_id)»", "DoesNotExist"),
        ("x = «Order.objects.get(pk=item.quantity)»", "type"),
        ("x = «Order.objects.get(pk=request.order_id)»", "type"),
        ("x = «Order.objects.get(pk=int(item.order_id))»", "type"),
        ("x = «Order.objects.get(pk=item.order_id)»; x.save()", "writes"),
        ("x = «Order.objects.get(pk=item.order_id)»; Order.objects.create()", "writes"),
        ("x = «Order.objects.get(pk=item.order_id)»; x.total = 3", "writes"),
        ("item.order_id = 3; x = «Order.objects.get(pk=item.order_id)»", "writes"),
    ],
)
def test_recommends_where_the_result_might_differ(bench, loads, body, reason):
    bench.write(loop(body))
    advice = bench.recommended(fixer, loads())
    assert reason in advice.reason
    assert advice.summary == "Read the rows of Order together: Order.objects.in_bulk(keys)"


@pytest.mark.parametrize("over", ["request.items", "items", "rows(request)", "(i for i in x)"])
def test_recommends_where_the_rows_cannot_be_read_twice(bench, loads, over):
    bench.write(loop("x = «Order.objects.get(pk=item.order_id)»", over))
    assert "gone" in bench.recommended(fixer, loads()).reason


def test_recommends_where_the_missing_row_is_caught(bench, loads):
    bench.write(f"""{HEAD}def f():
    for item in Item.objects.all():
        try:
            x = «Order.objects.get(pk=item.order_id)»
        except Order.DoesNotExist:
            continue
""")
    assert "errors" in bench.recommended(fixer, loads()).reason


def test_recommends_where_a_foreign_key_may_be_null(bench, loads):
    bench.write(f"""{HEAD}def f():
    for customer in Customer.objects.all():
        x = «Company.objects.get(pk=customer.company_id)»
""")
    assert "DoesNotExist" in bench.recommended(fixer, loads("shop.Company")).reason


def test_recommends_where_no_loop_is_known(bench, loads):
    bench.write(f"{HEAD}def order(item):\n    return «Order.objects.get(pk=item.order_id)»\n")
    assert "another function" in bench.recommended(fixer, loads()).reason


def test_recommends_in_a_nested_function(bench, loads):
    bench.write(loop("x = lambda: «Order.objects.get(pk=item.order_id)»"))
    assert "another function" in bench.recommended(fixer, loads()).reason


# --- changes ---------------------------------------------------------------------------------


def test_rows_are_read_before_the_loop(bench, loads):
    bench.write(f"""{HEAD}def f(page):
    rows = []
    # the newest first
    for item in Item.objects.order_by("-id")[page : page + 50]:  # a page
        order = «Order.objects.get(pk=item.order_id)»
        rows.append(order.total)
    return rows
""")
    assert (
        bench.fixed(fixer, loads())
        == f"""{HEAD}def f(page):
    rows = []
    # the newest first
    items = list(Item.objects.order_by("-id")[page : page + 50])
    orders = Order.objects.in_bulk([item.order_id for item in items])
    for item in items:  # a page
        order = orders[item.order_id]
        rows.append(order.total)
    return rows
"""
    )


def test_twice_is_the_same_as_once(bench, loads):
    bench.write(loop("x = «Order.objects.get(pk=item.order_id)»"))
    once = bench.fixed(fixer, loads())
    bench.sites.clear()
    bench.write(once.replace("orders[item.order_id]", "«orders[item.order_id]»"))
    assert bench.patches(fixer, loads()) == []


def test_values_in_a_variable_are_run_over_twice(bench, loads):
    bench.write(f"""{HEAD}def f():
    ranking = Item.objects.values("order_id").annotate(sold=Sum("quantity"))[:50]
    for entry in ranking:
        order = «Order.objects.get(id=entry["order_id"])»
""")
    assert bench.fixed(fixer, loads()).endswith("""[:50]
    orders = Order.objects.in_bulk([entry["order_id"] for entry in ranking])
    for entry in ranking:
        order = orders[entry["order_id"]]
""")


def test_a_missing_row_stays_none(bench, loads):
    bench.write(f"""{HEAD}def f():
    for customer in Customer.objects.all():
        x = «Company.objects.filter(pk=customer.company_id).first()»
""")
    assert bench.fixed(fixer, loads("shop.Company")).endswith("""
    customers = list(Customer.objects.all())
    companies = Company.objects.in_bulk([customer.company_id for customer in customers])
    for customer in customers:
        x = companies.get(customer.company_id)
""")


def test_a_comprehension_gets_its_rows_before_the_statement(bench, loads):
    bench.write(f"""{HEAD}def f():
    return [«Order.objects.get(pk=i.order_id)».total for i in Item.objects.all()]
""")
    assert bench.fixed(fixer, loads()).endswith("""def f():
    rows = list(Item.objects.all())
    orders = Order.objects.in_bulk([i.order_id for i in rows])
    return [orders[i.order_id].total for i in rows]
""")


def test_an_awaited_lookup_is_awaited_once(bench, loads):
    bench.write(f"""{HEAD}async def f():
    items = [item async for item in Item.objects.all()]
    for item in items:
        order = await «Order.objects.aget(pk=item.order_id)»
""")
    assert bench.fixed(fixer, loads()).endswith("""
    orders = await Order.objects.ain_bulk([item.order_id for item in items])
    for item in items:
        order = orders[item.order_id]
""")


def test_a_used_name_is_left_alone(bench, loads):
    bench.write(f"""{HEAD}def f(orders):
    for item in Item.objects.all():
        orders.append(«Order.objects.get(pk=item.order_id)»)
""")
    assert "orders.append(orders_by_pk[item.order_id])" in bench.fixed(fixer, loads())


def test_other_fixes_of_the_loops_queryset_compose(bench, loads):
    bench.write(loop("x = «Order.objects.get(pk=item.order_id)», item.product",
                     "«Item.objects.all()»"))  # fmt: skip
    over, use = sorted(bench.sites, key=lambda site: site.line)
    bench.sites = [use]
    patch, *_ = bench.patches(fixer, loads())
    bench.sites = [over]
    (joined,) = bench.patches(django_select_related, bench.load("product", "shop.Item"))
    for patches in ([patch, joined], [joined, patch]):
        text = bench.apply(*patches)["shop/views.py"]
        assert 'items = list(Item.objects.all().select_related("product"))\n' in text


def helper(bench, loads, body, over="Item.objects.all()", args="item"):
    """The loop calls a function of another module, which looks the order up."""
    bench.write(f"""{HEAD}def f(pk):
    return [«total({args})» for item in {over}]
""")
    bench.write(
        f"from shop.models import Order\n\n\ndef total(item):\n    {body}\n", "shop/help.py"
    )
    call, read = bench.sites
    bench.sites = [read, call]
    load = loads()
    chain = Origin("q", "shop.Order", (Link("get", (read, call)),))
    inner = msgspec.structs.replace(load.load, queryset=chain)
    return bench.advice(fixer, msgspec.structs.replace(load, load=inner, uses=(read,)))


GET = "return «Order.objects.get(pk=item.order_id)».total"


@pytest.mark.parametrize(
    ("body", "over", "args"),
    [
        (GET, "Item.objects.all()", "pk"),
        (GET, "items(pk)", "item"),
        (GET, "Note.objects.all()", "item"),
        (GET.replace("Order.objects", "Order.objects.filter(a=1)"), "Item.objects.all()", "item"),
        (GET.replace("pk=item.order_id", "number=item.order_id"), "Item.objects.all()", "item"),
        ("item = 3; " + GET, "Item.objects.all()", "item"),
        ("item.save(); " + GET, "Item.objects.all()", "item"),
    ],
)
def test_recommends_where_the_callers_rows_are_not_known(bench, loads, body, over, args):
    if over.startswith("Note"):
        bench.models = [m for m in bench.models if m.name != "Note"]
    (advice,) = helper(bench, loads, body, over, args)
    assert not hasattr(advice, "edits")


def test_a_helper_reads_the_relation_and_the_caller_joins_it(bench, loads):
    (patch,) = helper(bench, loads, GET)
    assert bench.apply(patch) == {
        "shop/views.py": f"""{HEAD}def f(pk):
    return [total(item) for item in Item.objects.all().select_related("order")]
""",
        "shop/help.py": "from shop.models import Order\n\n\n"
        "def total(item):\n    return item.order.total\n",
    }


def test_the_relation_is_the_rival_in_a_loop(bench, loads):
    bench.write(loop("x = «Order.objects.get(pk=item.order_id)»"))
    bulk, related = bench.patches(fixer, loads())
    assert bulk.covers == related.covers
    assert bench.apply(related)["shop/views.py"].endswith(
        '    for item in Item.objects.all().select_related("order"):\n        x = item.order\n'
    )
