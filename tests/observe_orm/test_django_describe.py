"""The description of a Django application holds what a workload and a fixer need to know."""

import json
from typing import Any

import pytest

Json = dict[str, Any]


@pytest.fixture
def routes(django: Any) -> dict[str, Json]:
    return {f"{r['method']} {r['route']}": r for r in django.answer["describe"]["routes"]}


@pytest.fixture
def models(django: Any) -> dict[str, Json]:
    return {model["label"]: model for model in django.answer["describe"]["models"]}


def param(route: Json, name: str) -> Json:
    return next(dict(one) for one in route["params"] if one["name"] == name)


def test_the_framework_and_the_database_are_named(django: Any) -> None:
    described = django.answer["describe"]
    version = ".".join(map(str, django.answer["django"]))
    assert described["kind"] == "django"
    assert described["framework"].startswith(f"Django {version}")
    assert described["database"].startswith("sqlite 3.")


def test_routes_are_those_that_requests_report(django: Any, routes: dict[str, Json]) -> None:
    described = {route["route"] for route in routes.values()}
    assert {seen["route"] for seen in django.requests.values()} <= described


def test_a_viewset_has_its_methods_and_actions(routes: dict[str, Json]) -> None:
    methods = {name for name in routes if "api/orders" in name}
    assert methods == {
        "GET api/orders/",
        "POST api/orders/",
        "GET api/orders/<pk>/",
        "PUT api/orders/<pk>/",
        "PATCH api/orders/<pk>/",
        "DELETE api/orders/<pk>/",
        "POST api/orders/<pk>/void/",
    }
    assert param(routes["GET api/orders/<pk>/"], "pk")["model"] == "shop.Order"
    assert routes["POST api/orders/<pk>/void/"]["body_schema"] == ""


def test_a_path_parameter_is_followed_to_its_lookup(routes: dict[str, Json]) -> None:
    detail = param(routes["GET detail/<int:pk>/"], "pk")
    assert (detail["type"], detail["model"], detail["field"]) == ("int", "shop.Order", "pk")
    profile = param(routes["GET profile/<int:customer_id>/"], "customer_id")
    assert (profile["model"], profile["field"]) == ("shop.Customer", "pk")
    legacy = param(routes["GET legacy/<code>/"], "code")
    assert (legacy["type"], legacy["model"], legacy["field"]) == ("int", "shop.Product", "pk")


def test_a_lookup_in_the_code_says_more_than_the_model_named_first(
    routes: dict[str, Json],
) -> None:
    tagging = param(routes["POST api/tagging/<int:pk>/"], "pk")
    assert (tagging["model"], tagging["field"]) == ("shop.Order", "pk")


def test_a_parameter_that_looks_nothing_up_has_no_model(routes: dict[str, Json]) -> None:
    assert "model" not in param(routes["GET <slug:name>/"], "name")


def test_list_parameters_come_from_pagination_and_filters(routes: dict[str, Json]) -> None:
    items = routes["GET api/items/"]
    assert [one["name"] for one in items["params"]] == ["page", "search", "ordering"]
    assert param(items, "ordering")["choices"] == ["quantity", "-quantity"]
    assert [one["name"] for one in routes["GET listed/"]["params"]] == ["page"]


def test_a_body_schema_comes_from_the_serializer(routes: dict[str, Json]) -> None:
    schema = json.loads(routes["POST api/items/"]["body_schema"])
    assert schema["required"] == ["order", "product"]
    assert schema["properties"]["order"] == {"type": "integer"}


def test_a_list_serializer_takes_an_array(routes: dict[str, Json]) -> None:
    schema = json.loads(routes["POST api/tags/"]["body_schema"])
    assert schema["type"] == "array"
    assert schema["items"]["required"] == ["name"]


def test_a_redirect_is_followed_by_get_alone(routes: dict[str, Json]) -> None:
    assert [name for name in routes if name.endswith("favicon.ico")] == ["GET favicon.ico"]


def test_the_admin_s_pages_know_their_model(routes: dict[str, Json]) -> None:
    change = routes["GET admin/auth/user/<path:object_id>/change/"]
    assert change["model"] == "auth.User"
    assert param(change, "object_id")["field"] == "pk"
    assert change["requires_login"] is True


def test_a_login_is_required_where_the_view_says_so(routes: dict[str, Json]) -> None:
    assert routes["GET account/"]["requires_login"] is True
    assert routes["GET profile/<int:customer_id>/"]["requires_login"] is True
    assert routes["GET api/items/"]["requires_login"] is True
    assert routes["GET api/orders/"]["requires_login"] is False
    assert routes["GET detail/<int:pk>/"]["requires_login"] is None


def test_methods_of_a_function_come_from_its_decorator(routes: dict[str, Json]) -> None:
    assert {name for name in routes if name.endswith(" account/")} == {
        "GET account/",
        "POST account/",
    }


def test_an_api_view_is_the_function_that_was_written(routes: dict[str, Json], source: Any) -> None:
    close = routes["POST api/closing/<int:number>/"]
    assert close["view"] == "shop.api.close"
    assert close["model"] == "shop.Order"
    assert close["requires_login"] is True
    assert source(close["site"]).startswith("def close(request, number):")
    number = param(close, "number")
    assert (number["model"], number["field"]) == ("shop.Order", "pk")
    assert not any(name.endswith(" api/closing/<int:number>/") for name in routes if "GET" in name)


def test_describing_a_serializer_reads_no_rows(django: Any) -> None:
    assert django.answer["describing"] == []


def test_models_have_their_fields_and_relations(models: dict[str, Json]) -> None:
    order = models["shop.Order"]
    assert order["table"] == "shop_order"
    assert [field["name"] for field in order["fields"]] == ["id", "customer", "status", "notes"]
    assert {relation["name"]: relation["kind"] for relation in order["relations"]} == {
        "customer": "forward",
        "items": "reverse",
        "tags": "many-to-many",
        "comments": "generic-reverse",
    }
    customer = {relation["name"]: relation for relation in models["shop.Customer"]["relations"]}
    assert customer["profile"]["kind"] == "reverse-one-to-one"
    assert customer["orders"]["column"] == "id"
    assert customer["orders"]["remote_column"] == "customer_id"


def test_a_model_spans_its_class_statement(models: dict[str, Json], source: Any) -> None:
    order = models["shop.Order"]
    assert source(order["site"]).startswith("class Order(models.Model):")
    assert source(order["site"]).endswith("return [item.product.name for item in self.items.all()]")
    assert order["migrations"].endswith("django_project/shop/migrations")


def test_a_login_gives_a_session_cookie(django: Any) -> None:
    assert django.answer["account"] == "ada"


def test_a_model_tells_what_a_write_in_bulk_would_pass_by(models: dict[str, Json]) -> None:
    def hooks(label: str) -> list[Json]:
        return [models[label][name] for name in ("overrides", "signals", "parents")]

    assert hooks("shop.Order") == [[], [], []]
    assert hooks("shop.Label") == [[], [], []]
    assert hooks("shop.Ticket") == [["save"], ["post_delete"], []]
    assert hooks("shop.SeasonTicket") == [["save"], [], ["shop.Ticket"]]


def test_a_field_tells_what_each_save_does_to_it(models: dict[str, Json]) -> None:
    fields = {field["name"]: field for field in models["shop.Ticket"]["fields"]}
    assert {name: field["on_save"] for name, field in fields.items()} == {
        "id": "",
        "price": "",
        "opened_at": "",
        "changed_at": "now",
    }
    assert (fields["price"]["scale"], fields["opened_at"]["scale"]) == (2, None)
