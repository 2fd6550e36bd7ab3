"""Each way to load rows with Django's ORM is recorded with its relation and its exact cause."""

from typing import Any, NamedTuple

import pytest


class Case(NamedTuple):
    path: str
    kind: str
    relation: str
    count: int
    parent: str
    model: str
    origin_path: list[str]
    cause: str
    use: str
    plain: bool = False


ALL = "Order.objects.all()"
BY_ID = 'Order.objects.order_by("id")'
PREFETCH = (
    'Order.objects.prefetch_related( Prefetch("items", '
    'queryset=Item.objects.filter(quantity__gte=1), to_attr="some_items") )'
)

# fmt: off
RELATED = [
    Case("/forward/", "forward", "customer", 3, "Order", "Customer", [],
         'Order.objects.filter(status="open").order_by("id")', "order.customer"),
    Case("/two_levels/", "forward", "customer", 3, "Order", "Customer", [], ALL, "order.customer"),
    Case("/two_levels/", "forward", "company", 3, "Customer", "Company", ["customer"], ALL,
         "order.customer.company"),
    Case("/three_levels/", "forward", "company", 6, "Customer", "Company", ["order", "customer"],
         'Item.objects.order_by("id")', "item.order.customer.company"),
    Case("/one_to_one/", "forward", "customer", 3, "Profile", "Customer", [],
         "Profile.objects.all()", "profile.customer"),
    Case("/reverse_one_to_one/", "forward", "profile", 3, "Customer", "Profile", [],
         "Customer.objects.all()", "customer.profile"),
    Case("/reverse_all/", "reverse", "items", 3, "Order", "Item", [], ALL,
         "[item.quantity for item in order.items.all()]", True),
    Case("/reverse_filter/", "reverse", "items", 3, "Order", "Item", [], ALL,
         "len(order.items.filter(quantity=1))"),
    Case("/reverse_count/", "count", "items", 3, "Order", "Item", [], ALL,
         "order.items.count()", True),
    Case("/reverse_exists/", "exists", "items", 3, "Order", "Item", [], ALL,
         "order.items.exists()", True),
    Case("/reverse_filter_exists/", "exists", "items", 3, "Order", "Item", [], ALL,
         "order.items.filter(quantity=9).exists()"),
    Case("/reverse_first/", "get", "items", 3, "Order", "Item", [], ALL, "order.items.first()"),
    Case("/reverse_slice/", "reverse", "items", 3, "Order", "Item", [], ALL,
         "list(order.items.all()[:2])", True),
    Case("/reverse_iterator/", "reverse", "items", 3, "Order", "Item", [], ALL,
         "[item.pk for item in order.items.iterator()]"),
    Case("/through_reverse/", "forward", "product", 6, "Item", "Product", ["items"], BY_ID,
         "item.product"),
    Case("/through_filtered_reverse/", "forward", "product", 6, "Item", "Product", [],
         "order.items.filter(quantity=1)", "item.product"),
    Case("/many_to_many/", "reverse", "tags", 3, "Order", "Tag", [], ALL,
         "[tag.name for tag in order.tags.all()]", True),
    Case("/many_to_many_count/", "count", "tags", 3, "Order", "Tag", [], ALL,
         "order.tags.count()", True),
    Case("/many_to_many_reverse/", "reverse", "orders", 2, "Tag", "Order", [],
         "Tag.objects.all()", "[order.pk for order in tag.orders.all()]", True),
    Case("/generic_forward/", "generic", "target", 3, "Comment", "Order", [],
         "Comment.objects.all()", "comment.target"),
    Case("/generic_reverse/", "generic", "comments", 3, "Order", "Comment", [], ALL,
         "[comment.text for comment in order.comments.all()]", True),
    Case("/deferred/", "deferred", "notes", 3, "Order", "Order", [],
         'Order.objects.defer("notes")', "order.notes"),
    Case("/only_then_foreign_key/", "deferred", "customer", 3, "Order", "Order", [],
         'Order.objects.only("status")', "order.customer_id"),
    Case("/in_property/", "forward", "company", 3, "Customer", "Company", ["customer"], ALL,
         "self.customer.company"),
    Case("/in_method/", "forward", "product", 6, "Item", "Product", ["items"], ALL,
         "item.product"),
    Case("/in_helper/", "forward", "customer", 3, "Order", "Customer", [], ALL, "order.customer"),
    Case("/custom_queryset/", "forward", "customer", 3, "Order", "Customer", [],
         'self.filter(status="open")', "order.customer"),
    Case("/custom_manager/", "forward", "customer", 3, "Order", "Customer", [],
         'super().get_queryset().exclude(status="void")', "order.customer"),
    Case("/custom_with_select_related/", "forward", "company", 3, "Customer", "Company",
         ["customer"], 'self.select_related("customer")', "order.customer.company"),
    Case("/select_related/", "forward", "company", 3, "Customer", "Company", ["customer"],
         'Order.objects.select_related("customer")', "order.customer.company"),
    Case("/select_related_reverse/", "forward", "company", 3, "Customer", "Company", ["customer"],
         'Profile.objects.select_related("customer__profile")', "profile.customer.company"),
    Case("/prefetch_related/", "forward", "product", 6, "Item", "Product", ["items"],
         'Order.objects.prefetch_related("items")', "item.product"),
    Case("/prefetch_related/", "prefetch", "items", 1, "Order", "Item", [],
         'Order.objects.prefetch_related("items")',
         "[[item.product.name for item in order.items.all()] for order in orders]"),
    Case("/prefetch_object/", "forward", "product", 6, "Item", "Product", ["some_items"],
         PREFETCH, "item.product"),
    Case("/prefetch_nested/", "prefetch", "product", 1, "Item", "Product", ["items"],
         'Order.objects.prefetch_related("items__product", "tags")',
         "[[item.product.name for item in order.items.all()] for order in orders]"),
    Case("/raw/", "forward", "customer", 3, "Order", "Customer", [],
         'Order.objects.raw("select * from shop_order")', "order.customer"),
    Case("/iterator/", "forward", "customer", 3, "Order", "Customer", [],
         "Order.objects.iterator(chunk_size=2)", "order.customer"),
    Case("/sliced/", "forward", "customer", 2, "Order", "Customer", [],
         'Order.objects.order_by("id")[:2]', "order.customer"),
    Case("/paginated/", "forward", "customer", 2, "Order", "Customer", [], BY_ID,
         "order.customer"),
    Case("/shortcut/", "forward", "customer", 1, "Order", "Customer", [],
         "get_object_or_404(Order, pk=1)", "order.customer"),
    Case("/built_in_steps/", "forward", "customer", 3, "Order", "Customer", [],
         'orders.order_by("id")', "order.customer"),
    Case("/template/", "forward", "customer", 3, "Order", "Customer", [], BY_ID,
         'render(request, "shop/orders.html", {"orders": Order.objects.order_by("id")})'),
    Case("/template/", "forward", "product", 6, "Item", "Product", ["items"], BY_ID,
         'render(request, "shop/orders.html", {"orders": Order.objects.order_by("id")})'),
    Case("/listed/", "forward", "customer", 2, "Order", "Customer", [], BY_ID,
         "get_response(request)"),
    Case("/overridden/", "forward", "customer", 3, "Order", "Customer", [],
         'super().get_queryset().filter(status="open")', "get_response(request)"),
    Case("/api/orders/", "forward", "company", 3, "Customer", "Company", ["customer"], BY_ID,
         "get_response(request)"),
    Case("/api/orders/", "reverse", "tags", 3, "Order", "Tag", [], BY_ID,
         "get_response(request)", True),
    Case("/api/orders/", "count", "comments", 3, "Order", "Comment", [], BY_ID,
         "order.comments.count()", True),
    Case("/flat/", "forward", "company", 3, "Customer", "Company", ["customer"],
         'super().get_queryset().filter(status="open")', "get_response(request)"),
    Case("/filtered/", "forward", "company", 3, "Customer", "Company", ["customer"], BY_ID,
         "get_response(request)"),
    Case("/extended_by_helper/", "forward", "customer", 3, "Order", "Customer", [], BY_ID,
         "order.customer"),
    Case("/copied/", "forward", "customer", 3, "Order", "Customer", [], ALL,
         "copy.copy(order).customer"),
    Case("/generic_prefetch/", "forward", "customer", 3, "Order", "Customer", ["target"],
         'Comment.objects.prefetch_related("target")', "comment.target.customer"),
    Case("/generic_prefetch/", "prefetch", "target", 1, "Comment", "Order", [],
         'Comment.objects.prefetch_related("target")',
         "[comment.target.customer.name for comment in comments]"),
    Case("/prefetched_later/", "prefetch", "product", 1, "Item", "Product", ["items"], BY_ID,
         'prefetch_related_objects(orders, "items__product")'),
    Case("/prefetched_then_filtered/", "count", "items", 3, "Order", "Item", [],
         'Order.objects.prefetch_related("items")', "order.items.filter(quantity=1).count()"),
    Case("/united/", "forward", "customer", 2, "Order", "Customer", [],
         "Order.objects.filter(pk=1).union(Order.objects.filter(pk=2))", "order.customer"),
    Case("/annotated/", "forward", "customer", 3, "Order", "Customer", [],
         'Order.objects.annotate(n=Count("items")).filter(n__gt=0)', "order.customer"),
    Case("/combined/", "forward", "customer", 3, "Order", "Customer", [],
         'Order.objects.filter(status="open") | Order.objects.filter(status="void")',
         "order.customer"),
    Case("/own_queryset_class/", "reverse", "orders", 2, "Label", "Order", [],
         "Label.loud.shouted().all()", "[order.pk for order in tag.orders.all()]", True),
    Case("/in_threads/", "forward", "customer", 3, "Order", "Customer", [], ALL,
         "order.customer"),
    Case("/async/async_lazy/", "forward", "customer", 3, "Order", "Customer", [], BY_ID,
         'await sync_to_async(getattr)(order, "customer")'),
    Case("/async/async_related/", "reverse", "items", 3, "Order", "Item", [], ALL,
         "[item.pk async for item in order.items.all()]", True),
]

OWN = [
    ("/get_per_row/", "get", 3, "Customer", "Customer.objects.get(pk=order.customer_id)"),
    ("/filter_per_row/", "select", 4, "Item",
     'Item.objects.filter(order=order).order_by("quantity")'),
    ("/count_per_row/", "count", 3, "Item", "Item.objects.filter(order_id=order.pk)"),
    ("/exists_per_row/", "exists", 3, "Item", "Item.objects.filter(order_id=order.pk)"),
    ("/values/", "select", 1, "Order", 'Order.objects.values("id", "customer__name")'),
    ("/values_list/", "select", 1, "Order", 'Order.objects.values_list("id", flat=True)'),
    ("/in_bulk/", "select", 1, "Company", "Company.objects.in_bulk([1, 2])"),
    ("/aggregate/", "aggregate", 1, "Order", 'Order.objects.aggregate(n=Count("id"))'),
    ("/grouped_count/", "count", 1, "Order",
     'Order.objects.values("status").annotate(n=Count("id"))'),
    ("/paginated/", "count", 1, "Order", BY_ID),
    ("/detail/1/", "get", 1, "Order", "Order.objects.get(pk=pk)"),
    ("/async/async_for/", "select", 1, "Order", BY_ID),
    ("/async/async_bridged/", "get", 2, "Order", "await get(pk=pk)"),
    ("/async/async_get/", "get", 2, "Customer", "Customer.objects.aget(pk=pk)"),
]
# fmt: on


def test_the_recorder_reports_no_error_of_its_own(django: Any) -> None:
    assert django.answer["errors"] == []
    assert {seen["status"] for seen in django.requests.values()} == {200}


@pytest.mark.parametrize("case", RELATED, ids=lambda case: f"{case.path}{case.relation}")
def test_a_relation_is_traced_to_the_queryset_of_its_parent(
    case: Case, django: Any, source: Any, cause_of: Any
) -> None:
    queries = django.loads(case.path, case.kind, case.relation)
    assert len(queries) == case.count
    for query in queries:
        load = query["load"]
        assert load["parent"] == f"shop.{case.parent}"
        assert load["model"] == f"shop.{case.model}"
        assert load["plain"] is case.plain
        assert load["origin"]["path"] == case.origin_path
        assert cause_of(load["origin"]) == case.cause
        used = source(query["stack"][0])
        # From Python 3.13 on a loop's position is what it loops over, not the comprehension.
        assert used == case.use or (case.use.startswith("[") and f" in {used}" in case.use)
    assert len({query["load"]["origin"]["id"] for query in queries} | {""}) >= 2


@pytest.mark.parametrize(("path", "kind", "count", "model", "cause"), OWN)
def test_a_query_without_a_parent_is_traced_to_its_own_queryset(
    path: str, kind: str, count: int, model: str, cause: str, django: Any, cause_of: Any
) -> None:
    loads = [query["load"] for query in django.loads(path, kind)]
    assert len(loads) == count
    assert loads[-1]["model"] == f"shop.{model}"
    assert loads[-1]["origin"] is None
    assert cause_of(loads[-1]["queryset"]) == cause


def test_parents_are_told_apart_by_a_digest(django: Any) -> None:
    keys = [
        query["load"]["parent_key"] for query in django.loads("/reverse_all/", "reverse", "items")
    ]
    assert len(set(keys)) == 3
    assert None not in keys


def test_rows_are_counted_after_the_fetch(django: Any) -> None:
    assert [query["rows"] for query in django.queries("/reverse_all/")] == [3, 2, 2, 2]
    assert [query["rows"] for query in django.queries("/raw/")] == [3, 1, 1, 1]
    assert [query["rows"] for query in django.queries("/get_per_row/")] == [3, 1, 1, 1]


def test_a_custom_queryset_method_counts_as_manager_code(django: Any, source: Any) -> None:
    load = django.loads("/custom_queryset/", "forward", "customer")[0]["load"]
    first, last = load["origin"]["links"]
    assert (first["operation"], first["manager_frames"]) == ("open", 0)
    assert source(first["stack"][0]) == "Order.objects.open()"
    assert (last["operation"], last["manager_frames"]) == ("filter", 1)
    assert source(last["stack"][1]) == "Order.objects.open()"


def test_a_custom_manager_keeps_its_caller_in_the_stack(django: Any, source: Any) -> None:
    load = django.loads("/custom_manager/", "forward", "customer")[0]["load"]
    link = load["origin"]["links"][-1]
    assert link["manager_frames"] == 1
    assert source(link["stack"][1]) == "Order.active.all()"


def test_a_generic_view_clones_its_class_level_queryset_indirectly(django: Any) -> None:
    load = django.loads("/listed/", "forward", "customer")[0]["load"]
    built, cloned, *_ = load["origin"]["links"]
    assert (built["operation"], built["direct"]) == ("order_by", True)
    assert built["stack"][0]["function"] == "OrderListing"
    assert (cloned["operation"], cloned["direct"]) == ("all", False)


def test_an_eager_queryset_tells_what_it_already_loads(django: Any) -> None:
    joined = django.loads("/select_related/", "forward", "company")[0]["load"]["origin"]
    fetched = django.loads("/prefetch_nested/", "prefetch", "tags")[0]["load"]["origin"]
    assert joined["select_related"] == ["customer"]
    assert fetched["prefetch_related"] == ["items__product", "tags"]


def test_a_prefetch_queryset_is_traced_to_its_own_expression(django: Any, cause_of: Any) -> None:
    load = django.loads("/prefetch_object/", "prefetch", "some_items")[0]["load"]
    assert cause_of(load["queryset"]) == "Item.objects.filter(quantity__gte=1)"


def test_template_lines_are_named(django: Any) -> None:
    assert [query["through"] for query in django.loads("/template/", "forward", "customer")] == [
        ["shop/orders.html:3"]
    ] * 3


def test_writes_name_their_model(django: Any) -> None:
    writes = [query for query in django.queries("/writes/") if query["load"]]
    assert [(query["kind"], query["load"]["kind"], query["load"]["model"]) for query in writes] == [
        ("insert", "write", "shop.Product"),
        ("update", "write", "shop.Product"),
        ("update", "write", "shop.Product"),
        ("delete", "write", "shop.Item"),
        ("delete", "write", "shop.Product"),
    ]


def test_plain_sql_has_no_load(django: Any, source: Any) -> None:
    [query] = django.queries("/plain_sql/")
    assert query["load"] is None
    assert source(query["stack"][0]).startswith("cursor.execute(")


def test_a_failed_statement_is_recorded_and_those_after_it(django: Any) -> None:
    failed, after = (query for query in django.queries("/failing/") if query["kind"] == "select")
    assert failed["sql"] == "select * from nowhere"
    assert after["load"]["kind"] == "get"


def test_the_route_and_the_view_are_named(django: Any) -> None:
    seen = django.requests["/detail/1/"]
    assert seen["route"] == "detail/<int:pk>/"
    assert seen["view"]["function"] == "detail"
    assert django.requests["/api/orders/1/"]["route"] == "api/orders/<pk>/"
    assert django.requests["/overridden/"]["view"]["function"] == "OverriddenListing"


def test_pickles_load_without_unslow(django: Any) -> None:
    assert django.requests["/pickled/"]["body"] == "no trace"


def test_a_served_prefetch_runs_nothing_more(django: Any) -> None:
    assert len(django.queries("/prefetched_and_served/")) == 3


def test_a_foreign_key_to_a_content_type_is_a_relation(django: Any) -> None:
    [query] = django.loads("/content_type_of/", "forward", "content_type")
    assert query["load"]["parent"] == "shop.Comment"


def test_an_instance_that_was_never_loaded_has_no_origin(django: Any, cause_of: Any) -> None:
    [query] = django.loads("/created_then_read/", "forward", "customer")
    assert query["load"]["origin"] is None
    [query] = django.loads("/created_then_read/", "forward", "company")
    assert cause_of(query["load"]["origin"]) == "order.customer"


def test_consuming_methods_are_terminals(django: Any) -> None:
    assert [q["load"]["queryset"]["terminal"] for q in django.queries("/evaluated_by_bool/")] == [
        "bool",
        "len",
        "getitem",
    ]


def test_a_thread_knows_who_started_it(django: Any, source: Any) -> None:
    query = django.loads("/in_threads/", "forward", "customer")[0]
    assert "pool.map(_name_of, orders)" in [source(site) for site in query["stack"]]


def test_instances_are_not_kept_alive(django: Any) -> None:
    assert django.requests["/released/"]["body"] == "0 of 3 kept"


def test_a_get_or_create_is_a_get(django: Any, cause_of: Any) -> None:
    loads = [query["load"] for query in django.loads("/got_or_created/", "get")]
    assert [cause_of(load["queryset"]) for load in loads] == [
        "Tag.objects.get_or_create(name=name)"
    ] * 2


def test_peers_are_fetched_as_a_prefetch(django: Any) -> None:
    if django.answer["django"] < [6, 1]:
        assert len(django.loads("/peers/", "forward", "customer")) == 3
        return
    [customers] = django.loads("/peers/", "prefetch", "customer")
    [companies] = django.loads("/peers/", "prefetch", "company")
    assert customers["load"]["origin"]["path"] == []
    assert companies["load"]["origin"]["path"] == ["customer"]


def test_one_call_site_is_one_origin(django: Any) -> None:
    def ids(path: str) -> set[str]:
        return {one["load"]["origin"]["id"] for one in django.loads(path, "forward", "customer")}

    assert len(ids("/forward/")) == 1
    assert len(ids("/forward/") | ids("/two_levels/")) == 2


def test_light_recording_counts_and_nothing_else(run_django: Any) -> None:
    light = run_django(UNSLOW_LEVEL="light")
    queries = light.queries("/forward/")
    assert len(queries) == 4
    assert all(not query["stack"] and query["load"] is None for query in queries)
    assert light.requests["/forward/"]["route"] == "<slug:name>/"
    assert light.answer["hooked"] == {"execute": True, "queryset": False}


def test_nothing_is_hooked_when_recording_is_off(run_django: Any) -> None:
    off = run_django(UNSLOW_LEVEL="off")
    assert off.answer["hooked"] == {"execute": False, "queryset": False}
    assert off.queries("/forward/") == []
    assert off.answer["account"] == "ada"
    assert off.answer["describe"]["routes"]


def test_debug_mode_adds_no_statements(run_django: Any, django: Any) -> None:
    debug = run_django(PROJECT_DEBUG="1")
    for path in ("/forward/", "/many_to_many/", "/plain_sql/"):
        assert len(debug.queries(path)) == len(django.queries(path))


def test_the_package_of_the_urls_is_the_application(run_django: Any, cause_of: Any) -> None:
    rootless = run_django(PROJECT_ROOTLESS="1")
    [load] = [one["load"] for one in rootless.loads("/listed/", "forward", "customer")][:1]
    assert cause_of(load["origin"]) == BY_ID
