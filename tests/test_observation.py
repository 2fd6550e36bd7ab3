"""Which endpoints run an expression is read from the sites of their queries."""

from tests.builders import link, load, origin, query, request, site, trace
from unslow.lab._observation import running

HERE = "shop/views.py:10"


def test_endpoints_that_ran_the_expression_are_named_and_no_others() -> None:
    made_here = load("forward", origin=origin("shop.Order", link("all", HERE)))
    seen = trace(
        request("GET", "a/", query("SELECT 1", HERE)),
        request("GET", "b/", query("SELECT 2", "shop/views.py:30")),
        request("GET", "c/", query("SELECT 3", "shop/templates.py:3", load=made_here)),
    )
    assert running(seen, site(HERE)) == {"GET a/", "GET c/"}


def test_an_unknown_cause_is_run_by_none() -> None:
    seen = trace(request("GET", "a/", query("SELECT 1", HERE)))
    assert running(seen, None) == frozenset()
