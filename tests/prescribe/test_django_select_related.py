import re

import pytest

from unslow.lab.prescribe import django_select_related as fixer
from unslow.model import Link, Site


def changes(bench, before, after, *paths):
    bench.write(before)
    loads = [bench.load(path) for path in paths or ("customer",)]
    assert bench.fixed(fixer, *loads) == after
    return bench.patches(fixer, *loads)[0]


# --- nothing changes -------------------------------------------------------------------------


def test_silent_without_loads(bench):
    bench.write("orders = «Order.objects.all()»\n")
    assert bench.advice(fixer) == []


def test_silent_when_the_relation_is_many(bench):
    bench.write("orders = «Order.objects.all()»\n")
    assert bench.advice(fixer, bench.load("items")) == []
    assert bench.advice(fixer, bench.load("items.product")) == []


def test_silent_when_the_relation_is_generic(bench):
    bench.write("orders = «Order.objects.all()»\n")
    assert bench.advice(fixer, bench.load("target", kind="generic")) == []


def test_silent_when_the_load_is_sqlalchemys(bench):
    bench.orm = "sqlalchemy"
    bench.write("orders = «Order.objects.all()»\n")
    assert bench.advice(fixer, bench.load("customer")) == []


def test_silent_when_the_load_is_no_relation(bench):
    bench.write("orders = «Order.objects.all()»\n")
    assert bench.advice(fixer, bench.load("customer", kind="count")) == []


@pytest.mark.parametrize(
    "present", ['"customer"', '"customer__company"', '"courier", "customer__company__x"']
)
def test_silent_when_the_join_is_there(bench, present):
    bench.write(f"orders = «Order.objects.select_related({present}).all()»\n")
    assert bench.advice(fixer, bench.load("customer")) == []


@pytest.mark.parametrize("args", ["", "None"])
def test_recommends_where_select_related_has_no_names(bench, args):
    bench.write(f"orders = «Order.objects.select_related({args})»\n")
    advice = bench.recommended(fixer, bench.load("customer"))
    assert advice.summary == 'Add .select_related("customer") to the shop.Order queryset'
    assert "without names" in advice.reason


@pytest.mark.parametrize("method", ["values", "values_list", "union"])
def test_recommends_where_the_rows_are_no_instances(bench, method):
    bench.write(f"orders = «Order.objects.all()».{method}(other)\n")
    assert bench.recommended(fixer, bench.load("customer")).reason


@pytest.mark.parametrize(
    "deferring", ['only("id")', "only(*FIELDS)", 'defer("customer")', 'defer("customer_id")']
)
def test_recommends_where_the_foreign_key_is_deferred(bench, deferring):
    bench.write(f"orders = «Order.objects.{deferring}»\n")
    assert "defers customer" in bench.recommended(fixer, bench.load("customer")).reason


def test_recommends_where_a_nullable_join_would_be_locked(bench):
    bench.write("order = «Order.objects.select_for_update().get(pk=pk)»\n")
    assert "lock" in bench.recommended(fixer, bench.load("courier")).reason


@pytest.mark.parametrize(
    "expression",
    ["render(request, 'orders.html', context)", "self.get_response(request)", "load_orders()",
     "Company.objects.all()", "[Order]", "serializer.data"],
)  # fmt: skip
def test_recommends_where_the_expression_is_not_the_queryset(bench, expression):
    bench.write(f"orders = «{expression}»\n")
    assert "not built" in bench.recommended(fixer, bench.load("customer")).reason


def test_recommends_where_the_file_is_gone(bench):
    bench.write("orders = «Order.objects.all()»\n")
    (bench.root / "shop/views.py").unlink()
    assert bench.recommended(fixer, bench.load("customer"))


def test_recommends_where_no_application_line_made_the_queryset(bench):
    assert bench.recommended(fixer, bench.load("customer", stack=()))


# --- changes ---------------------------------------------------------------------------------

FORMS = {
    "Order.objects.all()": "Order.objects.all().select_related({})",
    "Order.objects.filter(paid=True)": "Order.objects.filter(paid=True).select_related({})",
    "Order.objects": "Order.objects.select_related({})",
    "Order.objects.get(pk=pk)": "Order.objects.select_related({}).get(pk=pk)",
    "Order.objects.filter(a=1).first()": "Order.objects.filter(a=1).select_related({}).first()",
    "Order.objects.order_by('-id')[:20]": "Order.objects.order_by('-id').select_related({})[:20]",
    "orders[:20]": "orders.select_related({})[:20]",
    "Order.objects.iterator()": "Order.objects.select_related({}).iterator()",
    "super().get_queryset()": "super().get_queryset().select_related({})",
    "self.filter_queryset(q)": "self.filter_queryset(q).select_related({})",
    "customer.orders.all()": "customer.orders.all().select_related({})",
    "Order.objects.recent(days=3)": "Order.objects.recent(days=3).select_related({})",
    "Order.objects.only('customer', 'id')": (
        "Order.objects.only('customer', 'id').select_related({})"
    ),
    "Order.objects.defer('total')": "Order.objects.defer('total').select_related({})",
    "Order.objects.select_for_update()": "Order.objects.select_for_update().select_related({})",
    "get_object_or_404(Order, pk=pk)": (
        "get_object_or_404(Order.objects.select_related({}), pk=pk)"
    ),
    "get_object_or_404(models.Order, pk=pk)": (
        "get_object_or_404(models.Order.objects.select_related({}), pk=pk)"
    ),
    "get_object_or_404(Order.objects.all(), pk=pk)": (
        "get_object_or_404(Order.objects.all().select_related({}), pk=pk)"
    ),
    "get_list_or_404(Order.objects, paid=True)": (
        "get_list_or_404(Order.objects.select_related({}), paid=True)"
    ),
    "Order.objects.select_related('courier')": "Order.objects.select_related('courier', {})",
    "Order.objects.select_related('courier').filter(a=1)": (
        "Order.objects.select_related('courier', {}).filter(a=1)"
    ),
    "Order.objects.select_related(*NAMES)": "Order.objects.select_related(*NAMES, {})",
}


@pytest.mark.parametrize("before", FORMS)
def test_the_join_is_added_in_the_chain(bench, before):
    after = FORMS[before].format('"customer"')
    patch = changes(bench, f"x = «{before}»  # why\n", f"x = {after}  # why\n")
    assert patch.covers == (0,)
    assert patch.safety == "safe"


def test_silent_when_the_join_follows_the_cause(bench):
    bench.write('x = «Order.objects.all()».select_related("customer")\n')
    assert bench.advice(fixer, bench.load("customer")) == []


@pytest.mark.parametrize("before", FORMS)
def test_twice_is_the_same_as_once(bench, before):
    bench.write(f"x = «{before}»\n")
    once = bench.fixed(fixer, bench.load("customer"))
    whole = once.removeprefix("x = ").removesuffix("\n")
    bench.sites.clear()
    bench.write(f"x = «{whole}»\n")
    assert bench.patches(fixer, bench.load("customer")) == []


def test_the_whole_path_is_joined_once(bench):
    changes(
        bench,
        "x = «Order.objects.all()»\n",
        'x = Order.objects.all().select_related("customer__company")\n',
        "customer",
        "customer.company",
    )


def test_a_reverse_one_to_one_is_joined(bench):
    changes(
        bench,
        "x = «Order.objects.all()»\n",
        'x = Order.objects.all().select_related("customer__profile", "courier")\n',
        "customer.profile",
        "courier",
    )


def test_a_longer_path_joins_an_existing_shorter_one(bench):
    changes(
        bench,
        'x = «Order.objects.select_related("customer")»\n',
        'x = Order.objects.select_related("customer", "customer__company")\n',
        "customer.company",
    )


def test_comments_and_line_breaks_survive(bench):
    changes(
        bench,
        """\
x = (
    «Order.objects
    # paid ones only
    .filter(paid=True)  # é
    .order_by("-created")»  # newest first
)
""",
        """\
x = (
    Order.objects
    # paid ones only
    .filter(paid=True)  # é
    .order_by("-created")  # newest first
    .select_related("customer")
)
""",
    )


def test_the_line_before_a_terminal_method_gets_the_join(bench):
    changes(
        bench,
        """\
    x = (
        «Order.objects
        .filter(paid=True)  # paid
        .first()»
    )
""".replace("    x", "x", 1).replace("\n    )", "\n)"),
        """\
x = (
        Order.objects
        .filter(paid=True)  # paid
        .select_related("customer")
        .first()
)
""",
    )


def test_a_multi_line_call_is_extended_in_its_layout(bench):
    changes(
        bench,
        """\
x = «Order.objects.select_related(
    "courier",  # who brings it
)»
""",
        """\
x = Order.objects.select_related(
    "courier",  # who brings it
    "customer",
)
""",
    )


def test_a_line_that_gets_too_long_is_broken_inside_the_call(bench):
    first = "x = «Order.objects.filter(customer__company__name=company_name)»"
    changes(
        bench,
        f"def f():\n    {first}\n",
        f'def f():\n    {re.sub("[«»]", "", first)}.select_related(\n        "customer"\n    )\n',
    )


def test_a_class_level_queryset_is_joined(bench):
    changes(
        bench,
        "class Orders(ListView):\n    queryset = «Order.objects.all()»\n",
        'class Orders(ListView):\n    queryset = Order.objects.all().select_related("customer")\n',
    )


def test_an_earlier_link_is_taken_where_the_last_one_is_the_renderers(bench):
    bench.write("qs = «Order.objects.all()»\nreturn_ = «render(request, 'x.html', {'o': qs})»\n")
    load = bench.load("customer", stack=(bench.sites[0],))
    assert "all().select_related" in bench.fixed(fixer, load, cause=bench.sites[1])


def test_a_managers_caller_is_changed_rather_than_the_manager(bench):
    bench.write("x = «Order.objects.visible()»\n")
    bench.write("y = «self.filter(hidden=False)»\n", "shop/models.py")
    view, body = bench.sites
    load = bench.load("customer", link=Link("filter", (body, view), manager_frames=1))
    (patch,) = bench.patches(fixer, load, cause=Site("shop/gone.py", 1, 1, 0, 1, "f"))
    assert bench.apply(patch) == {
        "shop/views.py": 'x = Order.objects.visible().select_related("customer")\n'
    }


def test_a_managers_own_queryset_is_changed_where_the_caller_is_a_library(bench):
    bench.write(
        "class OrderManager(Manager):\n    def get_queryset(self):\n"
        "        return «super().get_queryset().filter(hidden=False)»\n",
        "shop/models.py",
    )
    assert bench.fixed(fixer, bench.load("customer")).endswith(
        'filter(hidden=False).select_related("customer")\n'
    )


def test_two_patches_of_one_queryset_compose(bench):
    bench.write("x = «get_object_or_404(Order, pk=pk)»\n")
    (a,) = bench.patches(fixer, bench.load("customer"))
    (b,) = bench.patches(fixer, bench.load("courier"))
    assert bench.apply(a, b)["shop/views.py"] == (
        "x = get_object_or_404(\n"
        '    Order.objects.select_related("courier").select_related("customer"), pk=pk\n)\n'
    )


def test_an_unknown_model_is_joined_by_its_kind_of_load(bench):
    bench.models = ()
    changes(
        bench, "x = «Order.objects.all()»\n", 'x = Order.objects.all().select_related("a")\n', "a"
    )


def test_the_patch_says_which_loads_it_covers(bench):
    bench.write("x = «Order.objects.all()»\n")
    loads = [bench.load("items"), bench.load("customer"), bench.load("customer.company")]
    (patch,) = bench.patches(fixer, *loads)
    assert patch.covers == (1, 2)


def test_an_argument_without_a_trailing_comma_gets_one(bench):
    changes(
        bench,
        'x = «Order.objects.select_related(\n    "courier"  # who\n)»\n',
        'x = Order.objects.select_related(\n    "courier",\n    "customer"  # who\n)\n',
    )


def test_a_model_that_is_handed_over_is_read_by_its_default_manager(bench):
    models = "class Order(Model):\n    visible = VisibleManager()\n    objects = Manager()\n"
    bench.write(models, "shop/models.py")
    bench.give_site("shop.Order", "shop/models.py")
    changes(
        bench,
        "x = «get_object_or_404(Order, pk=pk)»\n",
        'x = get_object_or_404(Order.visible.select_related("customer"), pk=pk)\n',
    )


def of_view(bench, body):
    """The advice for a generic view whose queryset the library builds."""
    bench.write(f"class Orders(ListView):\n{body}")
    view = Site("shop/views.py", 1, 1, 0, 5, "Orders")
    return bench.advice(fixer, bench.load("customer", stack=()), cause=view)


@pytest.mark.parametrize(
    "body",
    [
        "    pass\n",
        "    model = Customer\n",
        "    model = Order\n    queryset = QUERYSET\n",
        "    model = Order\n\n    def get_queryset(self):\n        return load()\n",
    ],
)
def test_recommends_where_a_view_has_no_model_alone(bench, body):
    (advice,) = of_view(bench, body)
    assert "not built" in advice.reason


def test_a_view_with_a_model_alone_gets_a_queryset(bench):
    (patch,) = of_view(bench, "    model = Order  # all\n    paginate_by = 5\n")
    assert bench.apply(patch)["shop/views.py"] == (
        "class Orders(ListView):\n    model = Order  # all\n"
        '    queryset = Order.objects.select_related("customer")\n    paginate_by = 5\n'
    )


def test_a_view_with_a_model_and_a_queryset_is_left_alone_afterwards(bench):
    (patch,) = of_view(bench, "    model = Order\n")
    (again,) = of_view(bench, bench.apply(patch)["shop/views.py"].partition("\n")[2])
    assert not hasattr(again, "edits")


LONG = 'Order.objects.filter(customer__company__isnull=True, status="paid").order_by("id")'


def test_a_chain_without_room_is_broken_before_its_dots(bench):
    bench.write(f"def f():\n    orders = «{LONG}»[:50]\n    return orders\n")
    assert bench.fixed(fixer, bench.load("customer")) == (
        "def f():\n    orders = (\n"
        '        Order.objects.filter(customer__company__isnull=True, status="paid")\n'
        '        .order_by("id")\n'
        '        .select_related("customer")[:50]\n'
        "    )\n    return orders\n"
    )


def test_two_calls_are_added_to_one_broken_chain(bench):
    bench.write(f"def f():\n    return «{LONG}»\n")
    first = bench.patches(fixer, bench.load("customer"))
    second = bench.patches(fixer, bench.load("courier"))
    assert bench.apply(*first, *second)["shop/views.py"] == (
        "def f():\n    return (\n"
        '        Order.objects.filter(customer__company__isnull=True, status="paid")\n'
        '        .order_by("id")\n'
        '        .select_related("courier")\n'
        '        .select_related("customer")\n'
        "    )\n"
    )


def test_a_long_chain_in_a_call_has_a_line_for_each_call(bench):
    bench.write(f"def f():\n    return list(«{LONG}»)\n")
    assert bench.fixed(fixer, bench.load("customer")) == (
        "def f():\n    return list(\n"
        '        Order.objects.filter(customer__company__isnull=True, status="paid")\n'
        '        .order_by("id")\n'
        '        .select_related("customer")\n'
        "    )\n"
    )
