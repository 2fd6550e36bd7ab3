"""Each way to load rows with SQLAlchemy's ORM is recorded with its relation and its exact cause."""

from typing import Any, NamedTuple

import pytest

Json = dict[str, Any]


class Case(NamedTuple):
    name: str
    kind: str
    relation: str
    count: int
    parent: str
    model: str
    origin_path: list[str]
    cause: str
    use: str
    plain: bool = False


ALL = "select(Order)"
IN = "select(Order).options(selectinload(Order.items))"

# fmt: off
RELATED = [
    Case("forward", "forward", "customer", 3, "Order", "Customer", [],
         'select(Order).where(Order.status == "open").order_by(Order.id)', "order.customer"),
    Case("two_levels", "forward", "company", 3, "Customer", "Company", ["customer"], ALL,
         "order.customer.company"),
    Case("collection", "reverse", "items", 3, "Order", "Item", [], ALL, "order.items", True),
    Case("collection_then_forward", "forward", "product", 2, "Item", "Product", ["items"], ALL,
         "item.product"),
    Case("many_to_many", "reverse", "tags", 3, "Order", "Tag", [], ALL, "order.tags", True),
    Case("in_property", "forward", "company", 3, "Customer", "Company", ["customer"], ALL,
         "self.customer.company"),
    Case("in_helper", "forward", "customer", 3, "Order", "Customer", [],
         "select(Order).where(Order.status == status)", "order.customer"),
    Case("extended_by_helper", "forward", "customer", 2, "Order", "Customer", [],
         "select(Order)", "order.customer"),
    Case("built_in_steps", "forward", "customer", 3, "Order", "Customer", [],
         'statement.where(Order.status == "open")', "order.customer"),
    Case("got", "forward", "customer", 1, "Order", "Customer", [], "session.get(Order, 1)",
         "session.get(Order, 1).customer"),
    Case("deferred_column", "deferred", "notes", 3, "Order", "Order", [], ALL, "order.notes"),
    Case("expired", "deferred", "", 3, "Order", "Order", [], ALL, "order.status"),
    Case("joined", "forward", "company", 3, "Customer", "Company", ["customer"],
         "select(Order).options(joinedload(Order.customer))", "order.customer.company"),
    Case("select_in", "prefetch", "items", 1, "Order", "Item", [], IN,
         "[[item.product.name for item in order.items] for order in session.scalars(statement)]"),
    Case("select_in", "forward", "product", 2, "Item", "Product", ["items"], IN, "item.product"),
    Case("subquery", "forward", "product", 2, "Item", "Product", ["items"],
         "select(Order).options(subqueryload(Order.items))", "item.product"),
    Case("query_all", "forward", "customer", 3, "Order", "Customer", [],
         'session.query(Order).filter_by(status="open")', "order.customer"),
    Case("query_first", "forward", "customer", 1, "Order", "Customer", [],
         "session.query(Order).order_by(Order.id)",
         "session.query(Order).order_by(Order.id).first().customer"),
    Case("dynamic", "reverse", "comments", 3, "Order", "Comment", [], ALL,
         'order.comments.filter_by(text="hm").all()'),
    Case("two_entities", "forward", "product", 2, "Item", "Product", [],
         "select(Order, Item).join(Item.order)", "item.product"),
]
OWN = [
    ("get_per_row", "get", 3, "Customer", "session.get(Customer, key)"),
    ("select_per_row", "select", 4, "Item", "select(Item).where(Item.order_id == key)"),
    ("count_per_row", "count", 3, "Item",
     "select(func.count()).select_from(Item).where(Item.order_id == key)"),
    ("exists_per_row", "exists", 3, "Item", "select(exists().where(Item.order_id == key))"),
    ("query_count", "count", 1, "Order", "session.query(Order)"),
    ("aggregate", "aggregate", 1, "Item", "select(func.sum(Item.quantity))"),
    ("refreshed", "get", 2, "Order", "session.refresh(order)"),
]
# fmt: on


def test_the_recorder_reports_no_error_of_its_own(sqlalchemy: Any) -> None:
    assert sqlalchemy.answer["errors"] == []


@pytest.mark.parametrize("case", RELATED, ids=lambda case: f"{case.name}-{case.relation}")
def test_a_relation_is_traced_to_the_select_of_its_parent(
    case: Case, sqlalchemy: Any, source: Any, cause_of: Any
) -> None:
    queries = sqlalchemy.loads(case.name, case.kind, case.relation)
    assert len(queries) == case.count
    for query in queries:
        load = query["load"]
        assert load["parent"] == f"models.{case.parent}"
        assert load["model"] == f"models.{case.model}"
        assert load["plain"] is case.plain
        assert load["origin"]["path"] == case.origin_path
        assert cause_of(load["origin"]) == case.cause
        used = source(query["stack"][0])
        # From Python 3.13 on a loop's position is what it loops over, not the comprehension.
        assert used == case.use or (case.use.startswith("[") and f" in {used}" in case.use)


@pytest.mark.parametrize(("name", "kind", "count", "model", "cause"), OWN)
def test_a_query_without_a_parent_is_traced_to_its_own_select(
    name: str, kind: str, count: int, model: str, cause: str, sqlalchemy: Any, cause_of: Any
) -> None:
    loads = [query["load"] for query in sqlalchemy.loads(name, kind)]
    assert len(loads) == count
    assert loads[-1]["model"] == f"models.{model}"
    assert loads[-1]["origin"] is None
    assert cause_of(loads[-1]["queryset"]) == cause


def test_eager_loads_below_a_join_keep_the_whole_path(sqlalchemy: Any) -> None:
    orders = sqlalchemy.loads("select_in_nested", "prefetch", "orders")[0]["load"]
    tags = sqlalchemy.loads("select_in_nested", "prefetch", "tags")[0]["load"]
    assert orders["origin"]["path"] == ["customer"]
    assert tags["origin"]["path"] == ["customer", "orders"]


def test_parents_are_told_apart_by_a_digest(sqlalchemy: Any) -> None:
    loads = [query["load"] for query in sqlalchemy.loads("collection", "reverse", "items")]
    assert len({load["parent_key"] for load in loads} - {None}) == 3


def test_rows_are_counted_after_the_fetch(sqlalchemy: Any) -> None:
    assert [query["rows"] for query in sqlalchemy.queries("collection")] == [3, 2, 2, 2]


def test_a_helper_keeps_its_caller_in_the_stack(sqlalchemy: Any, source: Any) -> None:
    load = sqlalchemy.loads("in_helper", "forward", "customer")[0]["load"]
    assert source(load["origin"]["links"][-1]["stack"][1]) == '_statement_of("open")'


def test_a_response_model_that_reads_a_relation_is_named(sqlalchemy: Any, cause_of: Any) -> None:
    queries = sqlalchemy.loads("served", "forward", "customer")
    assert len(queries) == 3
    assert {query["through"][0] for query in queries} == {"response_model list[work.OrderOut]"}
    assert cause_of(queries[0]["load"]["origin"]) == "select(Order).order_by(Order.id)"


def test_writes_name_their_class(sqlalchemy: Any) -> None:
    writes = sqlalchemy.queries("writes")
    assert [query["kind"] for query in writes] == ["insert", "update", "update", "delete"]
    assert {(query["load"]["kind"], query["load"]["model"]) for query in writes} == {
        ("write", "models.Product")
    }


def test_plain_sql_has_no_load(sqlalchemy: Any) -> None:
    [query] = sqlalchemy.queries("plain_sql")
    assert query["load"] is None


def test_a_failed_statement_is_recorded_and_those_after_it(sqlalchemy: Any) -> None:
    failed, after = sqlalchemy.queries("failing")
    assert failed["sql"] == "select * from nowhere"
    assert after["load"]["kind"] == "get"


def test_a_core_select_has_its_own_chain(sqlalchemy: Any, cause_of: Any) -> None:
    [query] = sqlalchemy.queries("core")
    assert cause_of(query["load"]["queryset"]) == "select(table.c.id)"


def test_pickles_load_without_unslow(sqlalchemy: Any) -> None:
    assert sqlalchemy.requests["pickled"]["body"] == "no trace"


def test_mapped_classes_are_described(sqlalchemy: Any, source: Any) -> None:
    described = sqlalchemy.answer["describe"]
    assert described["database"].startswith("sqlite 3.")
    models = {model["label"]: model for model in described["models"]}
    order = models["models.Order"]
    assert order["table"] == "orders"
    assert source(order["site"]).startswith("class Order(Base):")
    assert [(one["name"], one["kind"], one["strategy"]) for one in order["relations"]] == [
        ("customer", "forward", "select"),
        ("items", "reverse", "select"),
        ("tags", "many-to-many", "select"),
        ("comments", "reverse", "dynamic"),
    ]
    name = next(f for f in models["models.Customer"]["fields"] if f["name"] == "name")
    assert (name["type"], name["max_length"], name["indexed"]) == ("String", 50, True)


def test_a_mapped_class_tells_what_a_write_in_bulk_would_pass_by(sqlalchemy: Any) -> None:
    models = {model["label"]: model for model in sqlalchemy.answer["describe"]["models"]}
    hooks = {
        label: (model["overrides"], model["signals"], model["parents"])
        for label, model in models.items()
    }
    assert hooks["models.Order"] == ([], [], [])
    assert hooks["models.Comment"] == (["validates"], ["before_update"], [])


@pytest.fixture(scope="module")
def on_postgres(run_sqlalchemy: Any, postgres: Any) -> Any:
    dsn = postgres.create("observed_sqlalchemy")
    return run_sqlalchemy(
        PROJECT_URL=dsn.replace("postgresql://", "postgresql+psycopg://"),
        PROJECT_ASYNC_URL=dsn.replace("postgresql://", "postgresql+asyncpg://"),
    )


def shapes(seen: Any, name: str) -> list[tuple[str, str, int]]:
    return [
        (query["load"]["kind"], query["load"]["relation"], query["rows"])
        for query in seen.queries(name)
        if query["load"]
    ]


@pytest.mark.parametrize("name", ["forward", "two_levels", "many_to_many", "select_in", "joined"])
def test_loads_on_postgresql_equal_those_on_sqlite(
    name: str, on_postgres: Any, sqlalchemy: Any
) -> None:
    assert shapes(on_postgres, name) == shapes(sqlalchemy, name)


def test_pings_are_not_the_request_s_statements(on_postgres: Any) -> None:
    assert [query["kind"] for query in on_postgres.queries("two_levels")] == ["select"] * 7


def test_asynchronous_statements_are_recorded_once(on_postgres: Any) -> None:
    assert on_postgres.answer["errors"] == []
    for name, count in (("awaitable", 4), ("async_get", 4), ("run_sync", 7), ("gathered", 3)):
        queries = [query for query in on_postgres.queries(name) if query["kind"] == "select"]
        assert len(queries) == count
        assert all(query["load"] for query in queries)


def test_awaitable_attributes_are_traced_through_the_greenlet(
    on_postgres: Any, source: Any, cause_of: Any
) -> None:
    queries = on_postgres.loads("awaitable", "forward", "customer")
    assert len(queries) == 3
    assert {source(query["stack"][0]) for query in queries} == {
        "await order.awaitable_attrs.customer"
    }
    assert cause_of(queries[0]["load"]["origin"]) == "select(Order).order_by(Order.id)"


def test_an_asynchronous_get_is_traced_to_its_call(
    on_postgres: Any, source: Any, cause_of: Any
) -> None:
    queries = on_postgres.loads("async_get", "get")
    assert [query["rows"] for query in queries] == [1, 1, 1]
    assert source(queries[0]["stack"][0]) == "await session.get(Customer, key)"
    assert cause_of(queries[0]["load"]["queryset"]) == "await session.get(Customer, key)"


def test_lazy_loads_within_run_sync_are_traced(on_postgres: Any, source: Any) -> None:
    query = on_postgres.loads("run_sync", "forward", "company")[0]
    assert source(query["stack"][0]) == "order.customer.company"
    assert source(query["stack"][-1]) == 'await function(maker if name == "gathered" else session)'


def test_tasks_of_a_gather_know_who_made_them(on_postgres: Any, source: Any) -> None:
    query = on_postgres.loads("gathered", "get")[0]
    texts = [source(site) for site in query["stack"]]
    assert texts[0] == "await session.get(Company, key)"
    assert any(text.startswith("asyncio.gather(") for text in texts)
