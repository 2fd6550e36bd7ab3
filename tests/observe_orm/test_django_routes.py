"""Regular expressions of URL patterns become the templates that requests and routes share."""

import pytest

from unslow.observe._django_parameters import type_of_expression
from unslow.observe._django_routes import groups, template


@pytest.mark.parametrize(
    "route", ["", "orders/", "orders/<int:pk>/", "<slug:name>/<path:rest>", "api/v1.0/orders/"]
)
def test_a_path_route_stays_as_it_is(route: str) -> None:
    assert template(route) == route


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (r"^orders/$", "orders/"),
        (r"api/^orders/(?P<pk>[^/.]+)/$", "api/orders/<pk>/"),
        (r"^orders/(?P<pk>\d+)/items/(?P<item>[0-9]{1,3})/\Z", "orders/<pk>/items/<item>/"),
        (r"^files/(?P<name>[^)(]+\.(?:png|gif))$", "files/<name>"),
        (r"^year/(\d{4})/(\w+)/$", "year/<var>/<var1>/"),
        (r"^v1\.0/orders\.json$", "v1.0/orders.json"),
    ],
)
def test_a_regular_expression_is_simplified(route: str, expected: str) -> None:
    assert template(route) == expected


def test_the_groups_of_a_regular_expression_are_found() -> None:
    assert groups(r"^(?P<a>[^/)]+)/(?P<b>(?:x|y)\d+)$") == {"a": "[^/)]+", "b": r"(?:x|y)\d+"}


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        (r"\d+", "int"),
        ("[0-9]{4}", "int"),
        (r"[-\w]+", "slug"),
        ("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]+", "uuid"),
        ("[^/.]+", "str"),
    ],
)
def test_an_expression_stands_for_a_converter(expression: str, kind: str) -> None:
    assert type_of_expression(expression) == kind
