import pytest

from tests.builders import link, load, origin, query, request, site, trace
from unslow.lab.diagnose.queryset_in_template import find

RENDER = "shop/views.py:15:11 company"


def asked(table, line=3, direct=False, kind="count", through="company.html", **fields):
    made = origin("shop.Order", link("all", RENDER, direct=direct))
    what = load(kind, model="shop.Order", queryset=made, **fields)
    names = [f"{through}:{line}"] if through else []
    return query(f"SELECT count(*) FROM {table}", RENDER, load=what, through=names)


def findings(*queries, view=""):
    return list(find(trace(request("GET", "company/", *queries, view=view))))


THREE = [asked("a", 3), asked("b", 4), asked("c", 9, kind="select")]


def test_silent_without_requests():
    assert list(find(trace())) == []


@pytest.mark.parametrize(
    "queries",
    [
        THREE[:2],
        [asked(name, direct=True, kind="select") for name in "abc"],
        [asked(name, kind="forward") for name in "abc"],
        [asked(name, kind="prefetch") for name in "abc"],
        [asked(name, through="") for name in "abc"],
        [asked("a", parent="shop.Order", relation="items") * 9],
    ],
    ids=["two", "made by a view", "a row's relation", "eager", "no template", "per row"],
)
def test_silent_when(queries):
    assert findings(*queries) == []


def test_fires_on_three_queries_of_templates():
    [found] = findings(*THREE)
    assert found.title == (
        "GET company/ runs 3 queries from its templates: company.html:3, company.html:4, "
        "company.html:9 (shop/views.py:15 in company)"
    )
    assert found.cause == site(RENDER)
    assert found.confidence == "certain"
    assert found.cost.queries_per_request == 3
    assert found.evidence.loads[0].through == ("company.html:3",)
