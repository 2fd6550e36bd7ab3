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
        '.select_related("customer").prefetch_related("customer__orders")'
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
        'Prefetch("items", queryset=Item.objects.select_related("product")), "note_set")'
        in bench.apply(joined)["shop/views.py"]
    )


def test_the_queryset_of_a_prefetch_is_joined(bench):
    bench.write("x = «Order.objects.prefetch_related(Prefetch('items', Item.objects))»\n")
    _, joined = bench.patches(fixer, bench.load("items.product"))
    assert bench.apply(joined)["shop/views.py"] == (
        "x = Order.objects.prefetch_related("
        "Prefetch('items', Item.objects.select_related(\n    \"product\"\n)))\n"
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
