import pytest

from unslow.errors import UsageError
from unslow.lab.budget import Rules, read_rules

ORDERS = "GET api/orders/"
ORDER = "GET api/orders/<int:pk>/"


def table(entries: dict[str, object]) -> Rules:
    return read_rules(entries, "pyproject.toml")


def limits(entries: dict[str, object], endpoint: str = ORDERS) -> dict[str, tuple[float, str]]:
    found = table(entries).limits(endpoint)
    return {name: (limit.value, limit.glob) for name, limit in found.items()}


def refusal(entries: dict[str, object]) -> str:
    with pytest.raises(UsageError) as refused:
        table(entries).limits(ORDERS)
    return str(refused.value)


def test_no_limit_where_no_entry_matches() -> None:
    assert limits({"GET other/": {"queries": 1}}) == {}


def test_an_entry_matches_its_endpoint_with_or_without_the_first_slash() -> None:
    for glob in (ORDERS, "GET /api/orders/", "api/orders/", "/api/orders/"):
        assert limits({glob: {"queries": 3}}) == {"queries": (3, glob)}


def test_a_glob_matches_many_and_a_route_s_own_brackets_are_literal() -> None:
    assert limits({"* api/*": {"rows": 9}}, ORDER) == {"rows": (9, "* api/*")}
    regular = "GET ^orders/(?P<pk>[0-9]+)$"
    assert limits({regular: {"rows": 9}}, regular) == {"rows": (9, regular)}


def test_the_most_specific_entry_wins_wherever_it_stands() -> None:
    wide, narrow = {"GET api/*": {"queries": 9}}, {"GET api/orders/*": {"queries": 3}}
    assert limits(wide | narrow) == limits(narrow | wide) == {"queries": (3, "GET api/orders/*")}
    assert limits(narrow | {ORDERS: {"queries": 50}})["queries"] == (50, ORDERS)


def test_each_limit_comes_from_the_most_specific_entry_that_sets_it() -> None:
    found = limits({"default": {"time": "5%", "queries": 20}, ORDERS: {"queries": 3}})
    assert found == {"queries": (3, ORDERS), "time": (0.05, "default")}


def test_sizes_have_units() -> None:
    for text, size in (("500", 500), ("40 kB", 40_000), ("1.5MB", 1_500_000), ("2 KiB", 2048)):
        assert limits({ORDERS: {"bytes": text}})["bytes"][0] == size
    assert limits({ORDERS: {"bytes": 12}})["bytes"][0] == 12


def test_zero_is_a_limit() -> None:
    assert limits({ORDERS: {"queries": 0}})["queries"][0] == 0


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"querys": 3}, ("'querys'", "Did you mean 'queries'")),
        ({"queries": -1}, ("queries = -1", "whole number")),
        ({"queries": 2.5}, ("queries = 2.5", "whole number")),
        ({"queries": True}, ("queries = True", "whole number")),
        ({"rows": "40 kB"}, ("rows = '40 kB'", "whole number")),
        ({"bytes": "40 bits"}, ("bytes = '40 bits'", "40 kB")),
        ({"time": 5}, ("time = 5", '"5%"')),
        ({"time": "5"}, ("time = '5'", '"5%"')),
        ({}, ("no table of limits", "queries = 3")),
        (7, ("no table of limits", "queries = 3")),
    ],
)
def test_a_wrong_entry_is_named_with_the_remedy(entry, named) -> None:
    said = refusal({ORDERS: entry})
    assert said.startswith(f"pyproject.toml: [tool.unslow.budget] {ORDERS!r}")
    assert all(part in said for part in named)


def test_a_limit_outside_of_an_entry_is_no_route() -> None:
    assert "default = { queries = ... }" in refusal({"queries": 3})


def test_equally_specific_entries_that_agree_are_no_contradiction() -> None:
    entries = {"GET api/orde*": {"queries": 3}, "GET */orders/": {"queries": 3}}
    assert limits(entries)["queries"][0] == 3


def test_equally_specific_entries_that_disagree_are_a_contradiction() -> None:
    said = refusal({"GET api/orde*": {"queries": 3}, "GET */orders/": {"queries": 4}})
    assert "'GET api/orde*' and 'GET */orders/'" in said
    assert "different limits for queries" in said


def test_two_spellings_of_one_route_contradict_each_other_at_once() -> None:
    with pytest.raises(UsageError, match="name the same routes"):
        table({"GET x/": {"rows": 1}, "GET /x/": {"rows": 2}})


def test_an_entry_without_an_endpoint_is_an_error_that_names_a_near_one() -> None:
    table({ORDERS: {"queries": 3}}).require_known([ORDERS, ORDER])
    with pytest.raises(UsageError, match=f"Did you mean {ORDERS!r}"):
        table({"GET api/order/": {"queries": 3}}).require_known([ORDERS])
