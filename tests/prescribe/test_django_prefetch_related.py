import pytest

from unslow.lab.prescribe import django_prefetch_related as fixer

MODELS = "class Order(Model):\n    pass\n\n\nclass Item(Model):\n    pass\n"
VIEWS = "from django.shortcuts import render\n\nfrom shop.models import Order\n\n\n"


def view(expression):
    return f"{VIEWS}def orders(request):\n    x = {expression}\n"


# --- nothing changes -------------------------------------------------------------------------


def test_silent_without_loads(bench):
    bench.write("orders = «Order.objects.all()»\n")
    assert bench.advice(fixer) == []


def test_silent_when_every_relation_is_to_one(bench):
    bench.write("orders = «Order.objects.all()»\n")
    assert bench.advice(fixer, bench.load("customer"), bench.load("customer.company")) == []


def test_silent_when_the_relation_is_filtered_by_the_row(bench):
    bench.write("orders = «Order.objects.all()»\n")
    assert bench.patches(fixer, bench.load("items", plain=False)) == []


@pytest.mark.parametrize(
    "present", ['"items"', '"items__product"', 'Prefetch("items", queryset=Item.objects.all())']
)
def test_silent_when_the_prefetch_is_there(bench, present):
    bench.write(f"orders = «Order.objects.prefetch_related({present})»\n")
    assert bench.advice(fixer, bench.load("items")) == []


def test_silent_when_the_prefetch_follows_the_cause(bench):
    bench.write('orders = «Order.objects.all()».prefetch_related("items")\n')
    assert bench.advice(fixer, bench.load("items")) == []


def test_silent_on_the_query_itself_that_is_asked_again_of_one_row(bench):
    bench.write("def f(order):\n    return «order.items.first()»\n")
    bench.write("«Order.objects.all()»\n", "shop/orders.py")
    load = bench.load("items", site=1, kind="get", uses=(bench.sites[0],))
    assert bench.patches(fixer, load, id="duplicate-query") == []


def test_silent_in_the_expression_that_only_reads_the_relation(bench):
    bench.write("def f(order):\n    return «order.items.all()»\n")
    bench.write("x = 1  # «Order»\n", "shop/orders.py")
    load = bench.load("items", site=1, uses=(bench.sites[0],))
    assert bench.patches(fixer, load) == []


def test_recommends_where_the_queryset_is_a_librarys(bench):
    bench.write("orders = «paginate(request)»\n")
    advice = bench.recommended(fixer, bench.load("items"))
    assert advice.summary == 'Add .prefetch_related("items") to the shop.Order queryset'


def test_recommends_where_rows_stream_without_a_chunk_size(bench):
    bench.write("orders = «Order.objects.iterator()»\n")
    assert "chunk_size" in bench.recommended(fixer, bench.load("items")).reason


def test_recommends_where_the_rows_are_no_instances(bench):
    bench.write("orders = «Order.objects.all()».values()\n")
    assert "values" in bench.recommended(fixer, bench.load("items")).reason


def test_no_rival_where_the_name_prefetch_is_taken(bench):
    bench.write(f"{VIEWS}Prefetch = None\n\n\ndef f():\n    return «Order.objects.all()»\n")
    assert len(bench.patches(fixer, bench.load("items.product"))) == 1


def test_no_rival_where_a_method_prefetches_out_of_sight(bench):
    bench.write(view("«Order.objects.with_items()»"))
    load = bench.load("items.product", prefetched=("items",))
    assert len(bench.patches(fixer, load)) == 1


def test_no_rival_where_the_child_is_defined_later(bench):
    bench.write("class V:\n    queryset = «Order.objects.all()»\n\n\nclass Item:\n    pass\n",
                "shop/models.py")  # fmt: skip
    assert len(bench.patches(fixer, bench.load("items.product"))) == 1


# --- changes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Order.objects.all()", 'Order.objects.all().prefetch_related("items")'),
        ("Order.objects.get(pk=1)", 'Order.objects.prefetch_related("items").get(pk=1)'),
        ("Order.objects.all()[:5]", 'Order.objects.all().prefetch_related("items")[:5]'),
        (
            "get_object_or_404(Order, pk=1)",
            'get_object_or_404(Order.objects.prefetch_related("items"), pk=1)',
        ),
        (
            "Order.objects.prefetch_related('note_set')",
            "Order.objects.prefetch_related('note_set', \"items\")",
        ),
        (
            "Order.objects.iterator(chunk_size=100)",
            'Order.objects.prefetch_related("items").iterator(chunk_size=100)',
        ),
        (
            "Order.objects.prefetch_related(Prefetch('note_set'))",
            "Order.objects.prefetch_related(Prefetch('note_set'), \"items\")",
        ),
    ],
)
def test_the_prefetch_is_added_in_the_chain(bench, before, after):
    bench.write(view(f"«{before}»"))
    (patch,) = bench.patches(fixer, bench.load("items"))
    assert bench.apply(patch)["shop/views.py"] == view(after)
    bench.sites.clear()
    bench.write(view(f"«{after}»"))
    assert bench.advice(fixer, bench.load("items")) == []


def test_the_attribute_is_prefetched_not_the_query_name(bench):
    bench.write(view("«Order.objects.all()»"))
    assert '.prefetch_related("note_set")' in bench.fixed(fixer, bench.load("note_set"))


def test_a_generic_relation_is_prefetched(bench):
    bench.write(view("«Order.objects.all()»"))
    load = bench.load("target", kind="generic", plain=True)
    assert '.prefetch_related("target")' in bench.fixed(fixer, load)


def test_many_to_many_below_reverse_below_foreign_key(bench):
    bench.write(view("«Customer.objects.all()»"))
    loads = [
        bench.load(path, root="shop.Customer")
        for path in ("orders", "orders.items", "orders.items.product.tags")
    ]
    plain, joined = bench.patches(fixer, *loads)
    assert plain.covers == joined.covers == (0, 1, 2)
    assert (
        '.prefetch_related("orders__items__product__tags")' in bench.apply(plain)["shop/views.py"]
    )
    assert bench.apply(joined)["shop/views.py"] == (
        "from django.db.models import Prefetch\n"
        "from django.shortcuts import render\n\nfrom shop.models import Item, Order\n\n\n"
        "def orders(request):\n    x = Customer.objects.all().prefetch_related(\n"
        '        Prefetch("orders__items", queryset=Item.objects.select_related("product")),\n'
        '        "orders__items__product__tags",\n    )\n'
    )


def test_the_rival_joins_the_to_one_relations_below(bench):
    bench.write(view("«Order.objects.all()»"))
    loads = [bench.load("items"), bench.load("items.product"), bench.load("customer")]
    plain, joined = bench.patches(fixer, *loads)
    assert plain.covers == joined.covers == (0, 1)
    assert 'prefetch_related("items__product")' in bench.apply(plain)["shop/views.py"]
    text = bench.apply(joined)["shop/views.py"]
    assert 'Prefetch("items", queryset=Item.objects.select_related("product"))' in text
    assert "from django.db.models import Prefetch\n" in text
    assert "from shop.models import Item, Order\n" in text


def test_a_to_one_head_is_joined_in_the_rival(bench):
    bench.write(view("«Order.objects.all()»"))
    loads = [bench.load("customer"), bench.load("customer.orders")]
    plain, joined = bench.patches(fixer, *loads)
    assert plain.covers == joined.covers == (0, 1)
    assert (
        '        .select_related("customer")\n        .prefetch_related("customer__orders")\n'
        in bench.apply(joined)["shop/views.py"]
    )


def test_a_prefetched_string_becomes_a_prefetch_with_a_join(bench):
    bench.write(view('«Order.objects.prefetch_related("items", "note_set")»'))
    plain, joined = bench.patches(fixer, bench.load("items.product"))
    assert (
        'prefetch_related("items", "note_set", "items__product")'
        in (bench.apply(plain)["shop/views.py"])
    )
    assert (
        'Prefetch("items", queryset=Item.objects.select_related("product")), "note_set"\n    )'
        in bench.apply(joined)["shop/views.py"]
    )


def test_the_queryset_of_a_prefetch_is_joined(bench):
    bench.write("x = «Order.objects.prefetch_related(Prefetch('items', Item.objects))»\n")
    _, joined = bench.patches(fixer, bench.load("items.product"))
    assert bench.apply(joined)["shop/views.py"] == (
        "x = Order.objects.prefetch_related(\n"
        "    Prefetch('items', Item.objects.select_related(\"product\"))\n)\n"
    )


def test_the_modules_own_way_to_write_django_models_is_kept(bench):
    bench.write("from django.db import models\n\nfrom .models import Order\n\n\n"
                "def f():\n    return «Order.objects.all()»\n")  # fmt: skip
    _, joined = bench.patches(fixer, bench.load("items.product"))
    text = bench.apply(joined)["shop/views.py"]
    assert "models.Prefetch(" in text
    assert "from .models import Item, Order\n" in text
    assert "import Prefetch" not in text


def test_an_import_with_one_name_a_line_keeps_its_layout(bench):
    bench.write("from django.db.models import (\n    Count,\n    Q,\n)\n"
                "from shop.models import (\n    Order,\n)\n\n\n"
                "def f():\n    return «Order.objects.all()»\n")  # fmt: skip
    _, joined = bench.patches(fixer, bench.load("items.product"))
    assert bench.apply(joined)["shop/views.py"].startswith(
        "from django.db.models import (\n    Count,\n    Prefetch,\n    Q,\n)\n"
        "from shop.models import (\n    Item,\n    Order,\n)\n"
    )


def test_the_child_of_the_same_module_needs_no_import(bench):
    bench.write("from django.db.models import Prefetch\n\n\nclass Item:\n    pass\n\n\n"
                "class V:\n    queryset = «Order.objects.all()»\n", "shop/models.py")  # fmt: skip
    _, joined = bench.patches(fixer, bench.load("items.product"))
    assert "import Item" not in bench.apply(joined)["shop/models.py"]


def test_the_childs_own_manager_is_used(bench):
    bench.write("class Item(Model):\n    everything = Manager()\n    objects = Visible()\n",
                "shop/models.py")  # fmt: skip
    bench.write(view("«Order.objects.all()»"))
    bench.give_site("shop.Item", "shop/models.py")
    _, joined = bench.patches(fixer, bench.load("items.product"))
    assert "queryset=Item.everything.select_related" in bench.apply(joined)["shop/views.py"]


def test_patches_of_one_queryset_compose(bench):
    bench.write(view("«Order.objects.all()»"))
    (a,) = bench.patches(fixer, bench.load("items"))
    (b,) = bench.patches(fixer, bench.load("note_set"))
    assert (
        '.prefetch_related("items").prefetch_related("note_set")'
        in (bench.apply(a, b)["shop/views.py"])
    )


# --- annotations: text ------------------------------------------------------------------------


def counting(bench, use, kind="count", queryset="Order.objects.all()", before="", **load):
    """The advice for a use in a method, and a queryset in the same module."""
    method = f"class S:\n    def get_x(self, order, level=1):\n        {before}return «{use}»\n\n\n"
    bench.write(f"{VIEWS}{method}def orders(request):\n    x = «{queryset}»\n")
    load = {"uses": bench.sites[:-1], "site": len(bench.sites) - 1, "kind": kind, **load}
    name = load.pop("relation", "items")
    return bench.advice(fixer, bench.load(name, **load), cause=bench.sites[-1])


@pytest.mark.parametrize(
    "use",
    [
        "order.items.filter(quantity=level).count()",
        "order.items.filter(quantity=self.level).count()",
        "order.items.filter(**level).count()",
        "order.items.filter(quantity=limit()).count()",
        "order.items.filter(quantity__gt=UNKNOWN).count()",
        "order.items.values('product').distinct().count()",
        "len(order.items.all())",
        "find(order).items.filter(quantity=1).count()",
        "f'{order.items.filter(quantity=1).count()}'",
    ],
)
def test_recommends_where_what_is_counted_may_differ_by_row(bench, use):
    (advice,) = counting(bench, use, plain=False)
    assert "may differ" in advice.reason


def test_recommends_where_a_class_would_keep_the_time_of_its_import(bench):
    bench.write("from django.utils import timezone\nfrom shop.models import Order\n\n\n"
                "class V:\n    queryset = «Order.objects.all()»\n\n    def f(self, order):\n"
                "        return «order.items.filter(at=timezone.now()).exists()»\n")  # fmt: skip
    queryset, use = bench.sites
    load = bench.load("items", kind="exists", uses=(use,), plain=False)
    assert bench.recommended(fixer, load, cause=queryset)


def test_silent_when_the_count_reads_the_annotation(bench):
    use = 'order.items_count if hasattr(order, "items_count") else «order.items.count()»'
    bench.write(f"{VIEWS}def f(order):\n    return {use}\n\n\nx = «Order.objects.all()»\n")
    first, queryset = bench.sites
    load = bench.load("items", site=1, kind="count", uses=(first,))
    assert bench.advice(fixer, load, cause=queryset) == []


def test_an_existence_test_of_two_filters_keeps_both(bench):
    (patch,) = counting(
        bench,
        "order.items.filter(quantity=2).exclude(product=None).exists()",
        "exists",
        plain=False,
    )
    text = bench.apply(patch)["shop/views.py"]
    joined = " ".join(text.split())
    assert 'Item.objects.filter(order=OuterRef("pk"), quantity=2).exclude(product=None)' in joined
    assert "has_quantity_2_not_none_items" in text


def test_a_local_name_goes_along_with_its_value(bench):
    (patch,) = counting(
        bench,
        "order.items.filter(quantity__in=wanted).exists()",
        "exists",
        plain=False,
        before="wanted = [1, 2]\n        ",
    )
    text = bench.apply(patch)["shop/views.py"]
    assert "quantity__in=[1, 2])" in text
    assert "has_wanted_items" in text


def test_a_name_that_the_module_has_is_not_taken(bench):
    patches = counting(bench, "order.items.count()", before="items_count = 0\n        ")
    assert "annotated_items_count=" in bench.apply(patches[0])["shop/views.py"]


def test_no_join_where_the_queryset_is_narrowed_over_the_relation(bench):
    narrowed = ("filter(items__quantity=1)", "filter(Q(a=1))", "annotate(a=F('b'))")
    for queryset in (*(f"Order.objects.{step}" for step in narrowed), "qs.filter(total=1)"):
        bench.sites.clear()
        patches = counting(bench, "order.items.count()", queryset=queryset)
        assert [patch.safety for patch in patches] == ["review", "safe"]


@pytest.mark.parametrize(
    ("call", "key"),
    [
        ('order.items.aggregate(total=Sum("quantity"))', ""),
        ('order.items.aggregate(total=Sum("quantity"))', '["other"]'),
        ('order.items.aggregate(total=Count("id"))', '["total"]'),
        ('order.items.aggregate(total=Sum("quantity", default=0))', '["total"]'),
        ('order.items.aggregate(total=Sum(F("quantity") * 2))', '["total"]'),
        ('order.items.aggregate(total=Sum("quantity"), n=Max("id"))', '["total"]'),
        ('order.items.filter(n=level).aggregate(total=Sum("quantity"))', '["total"]'),
        ('order.items.distinct().aggregate(total=Sum("quantity"))', '["total"]'),
    ],
)
def test_recommends_where_an_aggregate_is_not_one_plain_value(bench, call, key):
    bench.write(
        f"{VIEWS}def f(order, level):\n    return «{call}»{key}\n\n\nx = «Order.objects.all()»\n"
    )
    use, queryset = bench.sites
    load = bench.load("items", uses=(use,), site=1, kind="aggregate", plain=False)
    assert "Subquery" in bench.recommended(fixer, load, cause=queryset).summary


@pytest.mark.parametrize("key", ["total=", ""])
def test_an_aggregate_per_row_becomes_a_subquery(bench, key):
    name = "total" if key else "quantity__sum"
    call = f'order.items.filter(quantity=2).aggregate({key}Sum("quantity"))'
    method = f'class S:\n    def x(self, order):\n        return «{call}»["{name}"] or 0\n\n\n'
    bench.write(f"{VIEWS}{method}def orders(request):\n    x = «Order.objects.all()»\n")
    use, queryset = bench.sites
    load = bench.load("items", uses=(use,), site=1, kind="aggregate", plain=False)
    (patch,) = bench.patches(fixer, load, cause=queryset)
    joined = " ".join(bench.apply(patch)["shop/views.py"].split())
    assert (
        'Item.objects.filter(order=OuterRef("pk"), quantity=2) .order_by() .values("order") '
        '.annotate(value=Sum("quantity")) .values("value")'
    ) in joined
    assert "order.items_quantity_2_quantity_sum" in joined
    assert 'if hasattr(order, "items_quantity_2_quantity_sum")' in joined
    assert "Coalesce" not in joined


def test_the_childs_own_manager_counts(bench):
    bench.write("class Item(Model):\n    live = LiveManager()\n", "shop/models.py")
    bench.give_site("shop.Item", "shop/models.py")
    patches = counting(bench, "order.items.count()")
    assert "Item.live.filter(" in bench.apply(patches[0])["shop/views.py"]
    assert len(patches) == 2


def test_rows_without_a_filter_are_prefetched_by_a_queryset(bench):
    bench.write(
        "orders = «Order.objects.all()»\n\n\ndef f():\n    for order in orders:\n"
        "        for item in «order.items.all().all()»:\n            print(item.quantity)\n"
    )
    load = bench.load("items", plain=False, uses=(bench.sites[1],))
    (patch,) = bench.patches(fixer, load)
    text = " ".join(bench.apply(patch)["shop/views.py"].split())
    assert 'Prefetch("items", queryset=Item.objects.all(), to_attr="selected_items")' in text
