import pytest

from tests.builders import link, load, origin, query, request, trace
from tests.negatives.cases import cases, found

RENDER = "shop/views.py:15:11 company"
PROPERTY = "shop/models.py:40:15 Company.total"


def asked(table, *, direct=False, kind="count", through=("company.html:3",), stack=RENDER, **more):
    made = origin("shop.Order", link("all", stack, direct=direct))
    what = load(kind, model="shop.Order", queryset=made, **more)
    return query(f"SELECT count(*) FROM {table}", stack, load=what, through=through)


def seen(*queries):
    return trace(request("GET", "company/", *queries), request("GET", "company/", *queries))


CASES = {
    "querysets of the view that the template loops over": seen(
        *(asked(name, direct=True, kind="select") for name in "abcd")
    ),
    "a generic view's list and its count": seen(asked("a", kind="select"), asked("a")),
    "one related row of each kind": seen(*(asked(name, kind="forward") for name in "abcd")),
    "deferred columns": seen(*(asked(name, kind="deferred") for name in "abcd")),
    "the second queries of prefetches": seen(*(asked(name, kind="prefetch") for name in "abcd")),
    "queries of the view itself": seen(*(asked(name, through=()) for name in "abcd")),
    "properties that the template reads": seen(
        *(asked(name, direct=True, stack=PROPERTY) for name in "abcd")
    ),
    "statements without an ORM": seen(
        *(query(f"SELECT 1 FROM {name}", RENDER, through=["a.html:1"]) for name in "abcd")
    ),
    "a relation per row, which is another finding": seen(
        asked("a", kind="reverse", parent="shop.Company", relation="orders") * 9
    ),
    "writes below a template": seen(
        *(query(f"UPDATE {name} SET n = 1", RENDER, through=["a.html:1"]) for name in "abcd")
    ),
    "two counts in a footer": seen(asked("a"), asked("b")),
}


@pytest.mark.parametrize("what", cases(CASES))
def test_silent(what):
    assert found("queryset-in-template", what) == []


def test_the_slow_form_fires():
    assert found("queryset-in-template", seen(asked("a"), asked("b"), asked("c")))
