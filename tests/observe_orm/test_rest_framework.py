"""Between a view and its query lie serializers; the recorder names their fields."""

from typing import Any


def test_serializer_fields_are_named(django: Any) -> None:
    through = {tuple(query["through"]) for query in django.queries("/api/orders/")}
    assert {
        ("OrderSerializer.customer",),
        ("OrderSerializer.customer.company",),
        ("OrderSerializer.items",),
        ("OrderSerializer.items.product",),
        ("OrderSerializer.tags",),
        ("OrderSerializer.total",),
    } < through


def test_plain_views_have_no_serializer_path(django: Any) -> None:
    assert all(query["through"] == [] for query in django.queries("/two_levels/"))


def test_a_dotted_source_is_named_by_its_field(django: Any) -> None:
    through = [query["through"] for query in django.loads("/flat/", "forward", "company")]
    assert through == [["FlatSerializer.company_name"]] * 3
