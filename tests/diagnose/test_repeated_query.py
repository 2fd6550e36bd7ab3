import msgspec
import pytest

from tests.builders import link, load, origin, query, request, site, trace
from unslow.lab.diagnose.repeated_query import find

CUSTOMER = "SELECT * FROM customer WHERE id = ?"
ITEMS = "SELECT * FROM item WHERE order_id = ?"
VIEW = "shop/views.py:12:13 list_orders"
USE = "shop/views.py:15:20 list_orders"
MIDDLEWARE = "shop/middleware.py:9:15 Timing.__call__"

ORDERS = origin("shop.Order", link("all", VIEW), link("filter", "shop/views.py:12:13 list_orders"))


def customers(*stack, origin=ORDERS, times=10, **fields):
    relation = load("forward", parent="shop.Order", relation="customer", origin=origin, **fields)
    return query(CUSTOMER, *(stack or (USE,)), load=relation) * times


def findings(*queries, **more):
    return list(find(trace(request("GET", "orders/", *queries, **more))))


def one(*queries, **more):
    [found] = findings(*queries, **more)
    return found


def test_silent_without_requests():
    assert list(find(trace())) == []


def test_silent_below_five_repeats():
    assert findings(customers(times=4)) == []
    assert findings(query(CUSTOMER, USE) * 4) == []


def test_silent_when_the_values_are_the_same():
    assert findings(query(CUSTOMER, USE).same(10)) == []


def test_silent_when_one_row_is_asked_for_its_relation_again_and_again():
    relation = load("reverse", parent="shop.Order", relation="items", origin=ORDERS)
    assert findings(query(ITEMS, USE, load=relation).same(10)) == []


def test_silent_when_the_lines_differ():
    assert findings(*(query(CUSTOMER, f"shop/views.py:{n}", values=str(n)) for n in range(9))) == []


def test_silent_when_the_callers_differ():
    helper = "shop/helpers.py:3 customer"
    calls = (query(CUSTOMER, helper, f"shop/views.py:{n}", values=str(n)) for n in range(9))
    assert findings(*calls) == []


def test_silent_for_prefetches():
    assert findings(query(ITEMS, USE, load=load("prefetch", model="shop.Item")) * 10) == []


def test_silent_for_writes_and_savepoints():
    assert findings(query("INSERT INTO item VALUES (?)", USE) * 10) == []
    assert findings(query("SAVEPOINT s", USE) * 10) == []


def test_silent_for_get_or_create_in_a_loop():
    pair = query("SELECT * FROM tag WHERE name = ?", USE) + query("INSERT INTO tag VALUES (?)", USE)
    assert findings(pair * 10) == []


def test_silent_for_rows_locked_one_by_one():
    assert findings(query(CUSTOMER + " FOR UPDATE", USE) * 10) == []


def test_silent_for_chunks_of_keys():
    keys = ", ".join(["%s"] * 100)
    assert findings(query(f"SELECT * FROM item WHERE id IN ({keys})", USE) * 10) == []


def test_silent_for_pages_of_a_long_result():
    assert findings(query("SELECT * FROM item ORDER BY id LIMIT %s OFFSET %s", USE) * 10) == []


def test_silent_when_each_query_goes_to_another_database():
    tenants = [query(CUSTOMER, USE, database=f"tenant{n}", values=str(n)) for n in range(10)]
    assert findings(*tenants) == []


def test_silent_when_each_query_reads_another_schema():
    assert findings((query("SET search_path TO x") + query(CUSTOMER, USE)) * 10) == []


def test_silent_outside_the_application():
    assert findings(query(CUSTOMER) * 10) == []


def test_fires_on_a_relation_read_per_row():
    found = one(customers(times=100))
    assert found.id == "repeated-query"
    assert found.title == (
        "GET orders/ runs 100 queries of one shape (shop/views.py:12 in list_orders)"
    )
    assert found.cause == site(VIEW)
    assert found.symptom == site(USE)
    assert found.confidence == "certain"
    assert found.severity == "high"
    assert found.endpoints == ("GET orders/",)


def test_the_cost_counts_what_one_query_would_spare():
    found = one(customers(times=10), ms=40.0)
    assert found.cost.queries_per_request == 10
    assert found.cost.ms_per_request == pytest.approx(10.0)
    assert found.cost.share == pytest.approx(0.25)


def test_a_collection_read_per_row_keeps_one_query():
    relation = load("reverse", parent="shop.Order", relation="items", origin=ORDERS, plain=True)
    found = one(query(ITEMS, USE, load=relation) * 10)
    assert found.cost.queries_per_request == 9
    assert found.evidence.loads[0].relation_path == ("items",)


def test_a_get_per_row_is_caused_by_its_own_expression():
    found = one(query(CUSTOMER, USE, load=load("get", model="shop.Customer")) * 10)
    assert found.cause == site(USE)
    assert found.confidence == "likely"


def test_a_get_per_row_is_certain_when_it_follows_the_rows_of_another_query():
    def page(rows):
        parents = query("SELECT * FROM orders", VIEW, rows=rows)
        gets = query(CUSTOMER, USE, load=load("get", model="shop.Customer")) * rows
        return request("GET", "orders/", parents, gets)

    [found] = find(trace(page(7), page(30)))
    assert found.confidence == "certain"


def test_a_filter_per_row_is_caused_by_the_queryset_not_by_its_iteration():
    own = origin("shop.Item", link("filter", "shop/views.py:14:9 list_orders"))
    found = one(query(ITEMS, USE, load=load("select", model="shop.Item", queryset=own)) * 10)
    assert found.cause == site("shop/views.py:14:9 list_orders")


def test_a_count_per_row_is_caused_by_the_count_in_django_and_the_statement_in_sqlalchemy():
    stated = origin("shop.Item", link("filter", "shop/views.py:14:9 list_orders"))
    counts = {
        orm: load("count", model="shop.Item", queryset=stated, orm=orm)
        for orm in ("django", "sqlalchemy")
    }
    causes = {orm: one(query(ITEMS, USE, load=what) * 10).cause for orm, what in counts.items()}
    assert causes == {"django": site(USE), "sqlalchemy": site("shop/views.py:14:9 list_orders")}


def test_a_raw_statement_per_row_is_grouped_by_its_stack():
    assert one(query(CUSTOMER, USE) * 10).cause == site(USE)


def test_connections_and_savepoints_between_the_repeats_do_not_hide_them():
    noisy = (query("SAVEPOINT s") + query(CUSTOMER, USE) + query("RELEASE SAVEPOINT s")) * 10
    assert one(noisy).cause == site(USE)


def test_two_relations_of_one_queryset_are_one_finding():
    relation = load("reverse", parent="shop.Order", relation="items", origin=ORDERS)
    found = one(customers(times=10), query(ITEMS, USE, load=relation, ms=3.0) * 10)
    assert [one.relation_path for one in found.evidence.loads] == [("items",), ("customer",)]
    assert "runs 20 queries of 2 shapes" in found.title


def test_nested_relations_name_their_whole_path():
    nested = origin("shop.Order", *ORDERS.links, path=["customer"])
    company = load("forward", parent="shop.Customer", relation="company", origin=nested)
    found = one(query("SELECT * FROM company WHERE id = ?", USE, load=company) * 10)
    assert found.evidence.loads[0].relation_path == ("customer", "company")


def test_related_rows_that_are_one_row_are_asked_for_once_per_object():
    nested = origin("shop.Order", *ORDERS.links, path=["customer"])
    company = load("forward", parent="shop.Customer", relation="company", origin=nested)
    found = one(query("SELECT * FROM company WHERE id = ?", USE, load=company).same(10))
    assert found.evidence.loads[0].relation_path == ("customer", "company")


def test_endpoints_that_share_a_cause_are_one_finding():
    found = list(
        find(
            trace(
                request("GET", "orders/", customers(times=10)),
                request("GET", "export/", customers("shop/export.py:3", times=50)),
            )
        )
    )
    assert [one.endpoints for one in found] == [("GET export/", "GET orders/")]
    assert found[0].evidence.loads[0].uses == (site("shop/export.py:3"), site(USE))


def test_a_middleware_shows_nothing_and_causes_nothing():
    """It runs the code of both endpoints, and libraries read what they want below it."""
    view = "shop/orders.py:9 orders"
    asked = request(
        "GET",
        "orders/",
        query("SELECT 1", "shop/orders.py:1", MIDDLEWARE),
        customers(MIDDLEWARE, origin=origin("shop.Order")),
        view=view,
    )
    other = request("GET", "items/", query("SELECT 2", "shop/items.py:1", MIDDLEWARE))
    [found] = find(trace(asked, other))
    assert (found.cause, found.symptom) == (site(view), None)


def test_serializer_fields_are_named_when_no_application_frame_is_near():
    relation = load("forward", parent="shop.Order", relation="customer", origin=ORDERS)
    queries = query(CUSTOMER, load=relation, through=["OrderSerializer.customer"]) * 10
    found = one(queries)
    assert found.cause == site(VIEW)
    assert found.symptom is None
    assert found.evidence.loads[0].through == ("OrderSerializer.customer",)


def test_an_expression_still_running_at_the_load_is_not_the_cause():
    made = origin("shop.Order", link("all", VIEW), link("filter", MIDDLEWARE))
    assert one(customers(USE, MIDDLEWARE, origin=made)).cause == site(VIEW)


def test_a_clone_made_by_library_code_is_not_the_cause():
    page = link("order_by", "shop/views.py:13 list_orders", direct=False)
    assert one(customers(origin=origin("shop.Order", link("all", VIEW), page))).cause == site(VIEW)


@pytest.mark.parametrize("operation", ["__getitem__", "first", "afirst", "get_object_or_404"])
def test_what_consumes_a_queryset_is_not_the_cause_when_it_has_another_expression(operation):
    cut = link(operation, "shop/views.py:13 list_orders")
    assert one(customers(origin=origin("shop.Order", link("all", VIEW), cut))).cause == site(VIEW)


def test_a_call_of_the_application_comes_before_one_of_a_library():
    page = link("filter", "shop/views.py:13 list_orders", direct=False)
    made = origin("shop.Order", link("get_object_or_404", VIEW), page)
    assert one(customers(origin=made)).cause == site(VIEW)


def test_a_single_expression_is_the_cause_even_when_it_consumes():
    made = origin("shop.Order", link("get_object_or_404", VIEW))
    assert one(customers(origin=made)).cause == site(VIEW)


def test_a_filter_that_serves_several_models_is_not_the_cause():
    scope = link("filter", "shop/scope.py:5:11 for_tenant")
    orders = origin("shop.Order", link("all", VIEW), scope)
    users = origin("shop.User", link("all", "shop/views.py:40"), scope)
    other = load("forward", parent="shop.User", relation="company", origin=users)
    found = findings(
        customers(origin=orders), query("SELECT * FROM company WHERE id = ?", USE, load=other) * 10
    )
    assert {one.cause for one in found} == {site(VIEW), site("shop/views.py:40")}


@pytest.mark.parametrize("frames", [0, 1], ids=["by its name", "by its first argument"])
def test_a_manager_method_hands_the_cause_to_its_caller(frames):
    method = "shop/models.py:7:15 " + ("OrderManager.recent" if frames == 0 else "Orders.recent")
    made = origin("shop.Order", link("filter", method, VIEW, manager_frames=frames))
    assert one(customers(origin=made)).cause == site(VIEW)


def test_a_manager_method_that_reads_the_rows_itself_stays_the_cause():
    method = "shop/models.py:7:15 OrderManager.report"
    made = origin("shop.Order", link("filter", method, VIEW))
    assert one(customers("shop/models.py:8", VIEW, origin=made)).cause == site(method)


def test_a_queryset_made_by_a_library_falls_back_to_the_use_then_to_the_view():
    made = origin("shop.Order", link("all", MIDDLEWARE, direct=False))
    assert one(customers(USE, MIDDLEWARE, origin=made)).cause == site(USE)
    bare = load("forward", parent="shop.Order", relation="customer", origin=origin("shop.Order"))
    found = one(query(CUSTOMER, load=bare) * 10, view="shop/views.py:3:0 OrderList")
    assert found.cause == site("shop/views.py:3:0 OrderList")


def page(rows, sql="SELECT * FROM orders", **fields):
    """The query of `rows` orders, and a relation read of each."""
    parents = load("select", model="shop.Order", queryset=ORDERS)
    return query(sql, VIEW, load=parents, rows=rows, **fields), customers(times=rows)


@pytest.mark.parametrize("rows", [2, 3, 4])
def test_few_repeats_are_found_when_they_are_one_for_each_row(rows):
    found = one(*page(rows))
    assert found.cause == site(VIEW)
    assert found.confidence == "likely"
    assert f"runs {rows} queries of one shape" in found.title


def test_few_repeats_count_under_a_limit_that_lets_the_rows_grow():
    assert one(*page(3, "SELECT * FROM orders LIMIT 50")).confidence == "likely"
    assert one(*page(3, "SELECT * FROM orders LIMIT %s", parameters=("50",))).confidence == "likely"


def test_silent_for_few_repeats_under_a_small_constant():
    assert findings(*page(3, "SELECT * FROM orders LIMIT 3")) == []
    assert findings(*page(3, "SELECT * FROM orders LIMIT %s", parameters=("3",))) == []
    assert findings(*page(3, "SELECT * FROM orders LIMIT %s")) == []


@pytest.mark.parametrize("model", ["shop.Order", "shop.Line"])
def test_few_repeats_of_a_page_count_when_its_rows_were_counted_before(model):
    counted = query("SELECT COUNT(*) FROM orders", VIEW, load=load("count", model=model))
    found = findings(counted, *page(3, "SELECT * FROM orders LIMIT 3"))
    assert len(found) == (model == "shop.Order")
    assert findings(*page(3, "SELECT * FROM orders LIMIT 3"), counted) == []


def test_silent_for_few_repeats_of_some_of_the_rows():
    parents, _ = page(7)
    assert findings(parents, customers(times=3)) == []


def test_few_repeats_do_not_change_a_finding_of_many():
    many = request("GET", "orders/", *page(50))
    few = request("GET", "orders/", *page(3))
    [found] = find(trace(many, few, few))
    assert (found.confidence, found.evidence.loads[0].repeats) == ("certain", 50)


def test_few_repeats_of_another_relation_join_the_finding_of_many():
    parents, _ = page(3)
    lines = load("reverse", parent="shop.Order", relation="lines", origin=ORDERS)
    few = query(ITEMS, USE, load=lines) * 3
    [found] = find(trace(request("GET", "orders/", *page(50)), request("GET", "", parents, few)))
    assert found.confidence == "certain"
    assert {load.relation_path for load in found.evidence.loads} == {("customer",), ("lines",)}
    assert set(found.endpoints) == {"GET orders/", "GET "}


EVENT = origin("shop.Event", link("first", MIDDLEWARE))
LIST = "shop/views.py:40:15 QuestionList.get_queryset"


def questions(*links, times=1, place=LIST):
    """The questions of `times` events, and five relations that are read of each."""
    made = origin("shop.Question", *(links or (link("all", place),)))
    every = load(
        "reverse",
        parent="shop.Event",
        relation="questions",
        origin=EVENT,
        queryset=made,
        plain=True,
    )
    way = msgspec.structs.replace(EVENT, path=("questions",))
    items = load("reverse", parent="shop.Question", relation="items", origin=way)
    asked = query("SELECT * FROM question WHERE event_id = ?", place, load=every) * times
    return asked, query(ITEMS, "shop/templates.py:3 render", load=items) * 10


@pytest.mark.parametrize(
    "read",
    [
        questions(link("all", LIST, direct=False)),  # by a serializer or a template
        questions(link("first", LIST)),
        questions(times=2),
    ],
    ids=["by a library", "one of them", "for two events"],
)
def test_rows_of_a_relation_come_from_the_query_of_its_parents(read):
    assert one(*read).cause == site(MIDDLEWARE)
    assert one(*read).evidence.loads[0].relation_path == ("questions", "items")


def test_rows_of_one_parents_relation_come_from_where_the_source_reads_it():
    found = one(*questions())
    assert found.cause == site(LIST)
    assert found.evidence.loads[0].relation_path == ("items",)
    assert found.evidence.loads[0].load.origin.model == "shop.Question"


def test_a_relation_that_another_request_reads_of_many_parents_stays_with_them():
    detail, page = questions(), questions(times=4)
    found = list(find(trace(request("GET", "event/", *detail), request("GET", "events/", *page))))
    assert [finding.cause for finding in found] == [site(MIDDLEWARE)]


def follow(*sizes, times=None):
    gets = query(CUSTOMER, USE, load=load("get", model="shop.Customer"))
    return trace(
        *(
            request("GET", "orders/", query("SELECT * FROM orders", VIEW, rows=n), gets * again)
            for n, again in zip(sizes, times or sizes, strict=True)
        )
    )


def test_few_lookups_are_found_when_they_follow_the_rows_of_a_query():
    [found] = find(follow(1, 3))
    assert (found.confidence, found.evidence.loads[0].repeats) == ("likely", 3)


@pytest.mark.parametrize(
    "seen",
    [follow(3, 3), follow(2, 3, times=(3, 3)), follow(1, 2), follow(3, 4, times=(2, 3))],
    ids=["always three", "three whatever the rows", "at most two", "one fewer"],
)
def test_silent_for_few_lookups_that_may_have_another_reason(seen):
    assert list(find(seen)) == []
