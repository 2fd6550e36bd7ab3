"""Routes become calls whose parameters exist in the data."""

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from unslow.lab.workload._sample import Sampler
from unslow.lab.workload.routes import CALLS_PER_ENDPOINT, plan
from unslow.model import Field, Model, Relation, Route, RouteParam, Site


@dataclass(frozen=True)
class Clone:
    engine: str
    dsn: str


CUSTOMER = Model(
    "crm.Customer", "django", "crm.models", "Customer", "crm_customer",
    fields=(
        Field("id", "id", "AutoField", primary_key=True),
        Field("name", "name", "CharField"),
        Field("level", "level", "CharField", choices=("gold", "silver")),
    ),
)  # fmt: skip
ORDER = Model(
    "crm.Order", "django", "crm.models", "Order", "crm_order",
    fields=(
        Field("id", "id", "AutoField", primary_key=True),
        Field("customer_id", "customer_id", "ForeignKey"),
        Field("slug", "slug", "SlugField", unique=True),
    ),
    relations=(
        Relation("customer", "customer", "forward", "crm.Customer", column="customer_id"),
    ),
)  # fmt: skip


@pytest.fixture
def sampler(tmp_path: Path) -> Sampler:
    path = tmp_path / "clone.sqlite3"
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE crm_customer (id INTEGER PRIMARY KEY, name TEXT, level TEXT);
        CREATE TABLE crm_order (id INTEGER PRIMARY KEY, customer_id INTEGER, slug TEXT);
        INSERT INTO crm_customer VALUES (11, 'Ada Lovelace', 'gold'), (12, 'Alan Turing', NULL);
        INSERT INTO crm_order VALUES (101, 11, 'first'), (102, 12, 'second'), (103, NULL, 'third');
        """
    )
    connection.close()
    return Sampler([Clone("sqlite", str(path))], [CUSTOMER, ORDER])


def no_source(path: str) -> bytes:
    raise FileNotFoundError(path)


def paths(route: Route, sampler: Sampler) -> set[str]:
    return {call.path for call in plan(route, sampler, no_source, writes=True).calls}


def test_a_route_without_parameters_is_one_call(sampler: Sampler) -> None:
    assert paths(Route("GET", "orders/"), sampler) == {"/orders/"}


def test_a_parameter_without_a_value_is_skipped_with_its_name(sampler: Sampler) -> None:
    planned = plan(Route("GET", "files/<path:where>"), sampler, no_source, writes=True)
    assert planned.calls == ()
    assert planned.skipped is not None
    assert "where" in planned.skipped.reason


@pytest.mark.parametrize(
    "route",
    [
        Route("GET", "orders/<int:pk>/", model="crm.Order"),
        Route("GET", "/orders/{order_id}/"),
        Route("GET", "/orders/{id}/"),
        Route("GET", "x/<int:key>/", (RouteParam("key", "path", model="crm.Order", field="pk"),)),
    ],
)
def test_detail_pages_hit_rows_that_exist(route: Route, sampler: Sampler) -> None:
    keys = {path.strip("/").split("/")[-1] for path in paths(route, sampler)}
    assert keys == {"101", "102", "103"}


def test_a_slug_takes_the_values_of_its_column(sampler: Sampler) -> None:
    route = Route("GET", "orders/<slug:slug>/", model="crm.Order")
    assert "/orders/first/" in paths(route, sampler)


def test_nested_parameters_belong_together(sampler: Sampler) -> None:
    route = Route("GET", "/customers/{customer_id}/orders/{order_id}")
    assert paths(route, sampler) == {"/customers/11/orders/101", "/customers/12/orders/102"}


def test_optional_filters_are_tried_with_values_of_the_data(sampler: Sampler) -> None:
    route = Route(
        "GET",
        "/customers/",
        (
            RouteParam("level", "query"),
            RouteParam("search", "query"),
            RouteParam("limit", "query", "integer"),
        ),
        model="crm.Customer",
    )
    assert paths(route, sampler) >= {
        "/customers/",
        "/customers/?level=gold",
        "/customers/?search=Ada",
        "/customers/?limit=20",
    }


def test_a_required_parameter_is_in_every_call(sampler: Sampler) -> None:
    route = Route("GET", "/orders", (RouteParam("customer_id", "query", required=True),))
    assert paths(route, sampler) == {"/orders?customer_id=11", "/orders?customer_id=12"}


def test_parameters_read_by_hand_are_found_in_the_view(sampler: Sampler) -> None:
    source = (
        b"def orders(request):\n"
        b'    slug = request.GET.get("slug")\n'
        b"    return slug\n"
        b"def other(request):\n"
        b'    return request.GET["level"]\n'
    )
    site = Site("views.py", 1, 1, 0, 0, "orders")
    planned = plan(
        Route("GET", "orders/", site=site, model="crm.Order"),
        sampler,
        lambda path: source,
        writes=True,
    )
    found = {call.path for call in planned.calls}
    assert "/orders/?slug=first" in found
    assert not any("level" in path for path in found)


def test_writes_can_be_switched_off(sampler: Sampler) -> None:
    planned = plan(Route("DELETE", "orders/<int:pk>/"), sampler, no_source, writes=False)
    assert planned.skipped is not None
    assert planned.calls == ()


def test_a_body_without_a_schema_is_not_guessed(sampler: Sampler) -> None:
    planned = plan(Route("POST", "orders/"), sampler, no_source, writes=True)
    assert planned.skipped is not None
    assert "body" in planned.skipped.reason


def test_a_body_is_made_from_its_schema_with_keys_that_exist(sampler: Sampler) -> None:
    schema = {
        "type": "object",
        "required": ["customer_id", "status", "items"],
        "properties": {
            "customer_id": {"type": "integer"},
            "status": {"enum": ["new", "paid"]},
            "note": {"type": "string"},
            "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
        },
        "$defs": {
            "Item": {
                "type": "object",
                "required": ["quantity"],
                "properties": {"quantity": {"type": "integer", "minimum": 1}},
            }
        },
    }
    route = Route("POST", "/orders", body_schema=json.dumps(schema))
    (call,) = plan(route, sampler, no_source, writes=True).calls
    assert call.body is not None
    body = json.loads(call.body)
    assert body.pop("customer_id") in (11, 12)
    assert body == {"status": "new", "items": [{"quantity": 2}]}


def test_an_endpoint_has_a_bounded_number_of_calls(sampler: Sampler) -> None:
    params = tuple(RouteParam(f"limit{n}", "query", "integer") for n in range(40))
    assert len(paths(Route("GET", "/orders", params), sampler)) <= 2 * CALLS_PER_ENDPOINT
