"""Patched source runs on a real database: the same result with fewer queries."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec.structs import replace

from unslow.lab.prescribe import django_in_bulk, django_prefetch_related, django_select_related
from unslow.model import Link, Origin

HERE = Path(__file__).parent
HEAD = "from shop.models import Customer, Item, Order\n\n\n"


@pytest.fixture
def run():
    return runner("")


@pytest.fixture(params=["sqlite", "postgresql"])
def run_on_both(request):
    return runner(database(request) if request.param == "postgresql" else "")


def runner(dsn: str):
    def run(*folders: Path) -> list[tuple[int, object]]:
        command = [sys.executable, str(HERE / "run_django.py"), dsn, *map(str, folders)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        return [(answer["queries"], answer["result"]) for answer in answers]

    return run


def database(request) -> str:
    """A database of the test's own, as Django's settings name it."""
    server = request.getfixturevalue("postgres")
    name = f"prescribe_{uuid4().hex[:12]}"
    server.create(name)
    return json.dumps({"NAME": name, "HOST": server.host, "PORT": server.port, "USER": server.user})


@pytest.fixture
def shop(bench):
    (bench.root / "shop").mkdir()
    (bench.root / "shop/__init__.py").touch()
    shutil.copy(HERE / "shop_models.py", bench.root / "shop/models.py")
    for label in ("Order", "Customer", "Item", "Company", "Product", "Tag", "Note"):
        bench.give_site(f"shop.{label}", "shop/models.py")
    return bench


def check(shop, run, patches, after):
    """Each patch alone gives what the source gave, in so many queries."""
    folders = [shop.root]
    for n, patch in enumerate(patches):
        folder = shop.root.with_name(f"{shop.root.name}_{n}")
        shutil.copytree(shop.root, folder)
        for path, text in shop.apply(patch).items():
            (folder / path).write_text(text)
        folders.append(folder)
    (queries, result), *patched = run(*folders)
    assert result
    assert [same for _, same in patched] == [result] * len(patches)
    assert [now for now, _ in patched] == after
    assert queries > max(after)


def test_to_one_paths_with_nulls(shop, run_on_both):
    shop.write(f"""{HEAD}def name(x):
    return x and x.name


def run():
    return [
        (o.id, o.customer.name, name(o.customer.company), name(o.courier))
        for o in «Order.objects.order_by("id")»
    ]
""")
    loads = [shop.load(path) for path in ("customer", "customer.company", "courier")]
    check(shop, run_on_both, shop.patches(django_select_related, *loads), [1])


def test_a_reverse_one_to_one_that_may_be_missing(shop, run):
    shop.write(f"""{HEAD}def run():
    return [
        (c.id, c.profile.name if hasattr(c, "profile") else None)
        for c in «Customer.objects.all().order_by("id")»
    ]
""")
    load = shop.load("profile", root="shop.Customer")
    check(shop, run, shop.patches(django_select_related, load), [1])


def test_three_levels_of_collections(shop, run):
    shop.write(
        f"""{HEAD}def run():
    return [
        (o.id, [(i.quantity, i.product.name, [t.name for t in i.product.tags.order_by()])
                for i in o.items.all()])
        for o in «Order.objects.order_by("id")[:9]»
    ]
""".replace(".order_by()]", ".all()]")
    )
    loads = [shop.load(path) for path in ("items", "items.product", "items.product.tags")]
    check(shop, run, shop.patches(django_prefetch_related, *loads), [4, 3])


def test_generic_relations_and_default_names(shop, run):
    shop.write(f"""{HEAD}def run():
    return [
        (o.id, str(o.target), [n.name for n in o.note_set.all()])
        for o in «Order.objects.order_by("id")»
    ]
""")
    loads = [shop.load("target", kind="generic"), shop.load("note_set")]
    check(shop, run, shop.patches(django_prefetch_related, *loads), [4])


def test_a_queryset_that_a_related_manager_begins(shop, run):
    shop.write(f"""{HEAD}def run():
    customer = Customer.objects.get(pk=1)
    return [o.courier.name for o in «customer.orders.exclude(courier=None)»]
""")
    patches = shop.patches(django_select_related, shop.load("courier"))
    assert "exclude(courier=None).select_related" in shop.apply(*patches)["shop/views.py"]


def test_counts_and_existence_tests_become_annotations(shop, run_on_both):
    shop.write(f"""{HEAD}def row(o):
    return {{"id": o.id, "items": «o.items.count()», "noted": «o.note_set.exists()»}}


def run():
    return [row(o) for o in «Order.objects.filter(total__gte=1).order_by("id")»]
""")
    count, exists, queryset = shop.sites
    loads = [
        shop.load("items", site=2, kind="count", uses=(count,)),
        shop.load("note_set", site=2, kind="exists", uses=(exists,)),
    ]
    patches = shop.patches(django_prefetch_related, *loads, cause=queryset)
    check(shop, run_on_both, patches, [1, 3])
    text = shop.apply(patches[0])["shop/views.py"]
    assert 'o.items_count if hasattr(o, "items_count") else' in text


def test_a_lone_count_has_three_candidates(shop, run):
    shop.write(f"""{HEAD}def run():
    return [(o.id, «o.items.count()») for o in «Order.objects.order_by("id")»]
""")
    use, queryset = shop.sites
    load = shop.load("items", site=1, kind="count", uses=(use,))
    patches = shop.patches(django_prefetch_related, load, cause=queryset)
    assert [patch.safety for patch in patches] == ["review", "review", "safe"]
    check(shop, run, patches, [1, 1, 2])


def test_a_count_over_many_to_many(shop, run_on_both):
    shop.write("""from shop.models import Product


def run():
    return [(p.id, «p.tags.count()») for p in «Product.objects.order_by("id")»]
""")
    use, queryset = shop.sites
    load = shop.load("tags", "shop.Product", site=1, kind="count", uses=(use,))
    check(shop, run_on_both, shop.patches(django_prefetch_related, load, cause=queryset), [1, 1, 2])


def test_a_filtered_existence_test_in_a_property_of_the_model(shop, run_on_both):
    shop.write(f"""{HEAD}def run():
    return [(c.id, c.paid) for c in «Customer.objects.order_by("id")»]
""")
    models = (HERE / "shop_models.py").read_text()
    expression = 'self.orders.filter(status="paid").exists()'
    shop.write(models.replace(expression, f"«{expression}»"), "shop/models.py")
    queryset, use = shop.sites
    load = shop.load("orders", "shop.Customer", kind="exists", plain=False, uses=(use,))
    (patch,) = shop.patches(django_prefetch_related, load, cause=queryset)
    check(shop, run_on_both, [patch], [1])
    texts = shop.apply(patch)
    assert (
        'has_paid_orders=Exists(Order.objects.filter(customer=OuterRef("pk"), status="paid"))'
        in texts["shop/views.py"].replace("\n", "").replace("            ", "").replace("  ", "")
        or "Exists(" in texts["shop/views.py"]
    )
    assert 'hasattr(self, "has_paid_orders")' in texts["shop/models.py"]


def test_a_count_with_a_condition_and_a_constant(shop, run):
    shop.write(f"""from django.db.models import Q
{HEAD}LEAST = 1


class Rows:
    def row(self, order):
        many = Q(quantity__gte=LEAST)
        return order.id, «order.items.filter(many | Q(product__name="product 1")).count()»


def run():
    return [Rows().row(o) for o in «Order.objects.order_by("id")»]
""")
    use, queryset = shop.sites
    load = shop.load("items", site=1, kind="count", plain=False, uses=(use,))
    check(shop, run, shop.patches(django_prefetch_related, load, cause=queryset), [1])


def test_a_condition_on_the_rows_own_field(shop, run):
    shop.write(f"""{HEAD}def run():
    return [
        (o.id, «o.items.filter(quantity__lt=o.total).exists()»)
        for o in «Order.objects.order_by("id")»
    ]
""")
    use, queryset = shop.sites
    load = shop.load("items", site=1, kind="exists", plain=False, uses=(use,))
    (patch,) = shop.patches(django_prefetch_related, load, cause=queryset)
    assert 'OuterRef("total")' in shop.apply(patch)["shop/views.py"]
    check(shop, run, [patch], [1])


def test_constant_filters_are_prefetched_under_their_own_name(shop, run_on_both):
    shop.write(f"""{HEAD}def run():
    rows = []
    for o in «Order.objects.order_by("id")»:
        for item in «o.items.filter(quantity=2).order_by("-id")»:
            rows.append((o.id, item.id))
    return rows
""")
    queryset, use = shop.sites
    load = shop.load("items", plain=False, uses=(use,))
    patches = shop.patches(django_prefetch_related, load, cause=queryset)
    check(shop, run_on_both, patches, [2])
    assert 'to_attr="quantity_2_items"' in shop.apply(*patches)["shop/views.py"]


def test_lookups_by_primary_key_are_made_together(shop, run):
    shop.write(f"""{HEAD}def run():
    rows = []
    for item in Item.objects.order_by("-id")[1:9]:
        order = «Order.objects.get(pk=item.order_id)»
        rows.append((item.id, order.status))
    return rows
""")
    load = shop.load("customer", kind="get", model="shop.Order", uses=tuple(shop.sites))
    load = replace(load, load=replace(load.load, relation="", origin=None))
    check(shop, run, shop.patches(django_in_bulk, load), [2, 1])


def by_key(shop, kind, model="shop.Order"):
    load = shop.load("customer", kind=kind, model=model, uses=tuple(shop.sites))
    return replace(load, load=replace(load.load, relation="", parent="", origin=None))


def test_rows_by_the_key_of_the_loops_row_are_prefetched(shop, run):
    shop.write(f"""{HEAD}def run():
    rows = []
    customers = Customer.objects.order_by("id")[:6]
    for customer in customers:
        orders = «Order.objects.filter(customer=customer)»
        rows.append((customer.name, sorted(order.id for order in orders)))
    return rows
""")
    check(shop, run, shop.patches(django_prefetch_related, by_key(shop, "select")), [2])


def test_ordered_rows_by_key_are_prefetched_under_their_own_name(shop, run):
    shop.write(f"""{HEAD}def run():
    rows = []
    for customer in Customer.objects.order_by("id")[0:6]:
        orders = «Order.objects.filter(customer=customer, total__gte=3).order_by("-id")»
        rows.append((customer.name, [order.id for order in orders]))
    return rows
""")
    patches = shop.patches(django_prefetch_related, by_key(shop, "select"))
    check(shop, run, patches, [2])
    text = shop.apply(*patches)["shop/views.py"]
    assert "orders = customer.total_gte_3_orders\n" in text


def test_counts_by_key_are_annotated(shop, run):
    shop.write(f"""{HEAD}def run():
    rows = []
    for customer in Customer.objects.order_by("id")[0:6]:
        count = «Order.objects.filter(customer=customer).count()»
        rows.append((customer.name, count))
    return rows
""")
    patches = shop.patches(django_prefetch_related, by_key(shop, "count"))
    check(shop, run, patches, [1, 1])
    assert "count = customer.orders_count\n" in shop.apply(patches[0])["shop/views.py"]


def test_rows_and_counts_by_key_in_a_helper(shop, run):
    shop.write(f"""{HEAD}def row(customer):
    count = «Order.objects.filter(customer=customer).count()»
    return customer.name, count


def run():
    return [«row(customer)» for customer in Customer.objects.order_by("id")]
""")
    count, call = shop.sites
    chain = Origin("q", "shop.Order", (Link("filter", (count, call)),))
    load = by_key(shop, "count")
    load = replace(load, uses=(count,), load=replace(load.load, queryset=chain))
    patches = shop.patches(django_prefetch_related, load)
    check(shop, run, patches, [1, 1])
    assert 'hasattr(customer, "orders_count")' in shop.apply(patches[0])["shop/views.py"]
