"""What is compiled in a request, and may be."""

import pytest

from tests.builders import plus, request, trace
from tests.negatives.cases import cases, found_in
from tests.sited import at
from unslow.model import Compiled, Site, Trace

SOURCE = """
import re
from django.shortcuts import render
from jinja2 import Environment
from pydantic import TypeAdapter
from local.forms import build

PAGES = Environment(loader=None)

def slow():
    return TypeAdapter(list[int])

def searched(text, term):
    return re.search(term, text)

def kept(name):
    return PAGES.get_template(name)

def built():
    return build()

def lazy(row):
    return row.adapter

def module_level(): pass
adapter = TypeAdapter(dict[str, int])
"""
ADAPTER = "pydantic.TypeAdapter"


def seen(
    text: str,
    within: str,
    what: str = ADAPTER,
    ms: float = 1.0,
    digests: str = "dddd",
    paths: tuple[str, ...] = ("/rows",),
    times: int = 4,
    whole: float = 4.0,
) -> Trace:
    """Four requests, `times` of which compile at `text`."""
    stack: tuple[Site, ...] = (at(SOURCE, text, within),) if text else ()
    made = [
        plus(
            request("GET", "rows/<term>", ms=whole, path=paths[n % len(paths)]),
            compiled=(Compiled(what, digests[n], 1, ms, stack),),
        )
        for n in range(times)
    ]
    return trace(*made, *[request("GET", "rows/<term>", ms=whole)] * (4 - times))


CASES = {
    "the first request fills the cache of the library": seen(
        "PAGES.get_template(name)", "kept", "jinja2.Template", times=1
    ),
    "each request searches for a term of its own": seen(
        "re.search(term, text)", "searched", "re.Pattern", digests="abcd", paths=("/a", "/b")
    ),
    "all requests seen ask for one term, and others may come": seen(
        "re.search(term, text)", "searched", "re.Pattern"
    ),
    "it takes a tenth of a millisecond": seen("TypeAdapter(list[int])", "slow", ms=0.1),
    "it is a fortieth of the request": seen("TypeAdapter(list[int])", "slow", ms=0.25, whole=10.0),
    "a library compiles below the application's call": seen("build()", "built"),
    "an attribute is read, and a library makes it": seen("row.adapter", "lazy"),
    "no line of the application was seen": seen("", ""),
    "it stands at the top of a module that the request imports": seen(
        "TypeAdapter(dict[str, int])", "module_level"
    ),
    "an environment of the module loads another template each time": seen(
        "PAGES.get_template(name)", "kept", "jinja2.Template", digests="abcd", paths=("/a", "/b")
    ),
    "one request alone was seen": trace(
        plus(
            request("GET", "rows/", ms=4.0),
            compiled=(
                Compiled(ADAPTER, "d", 1, 1.0, (at(SOURCE, "TypeAdapter(list[int])", "slow"),)),
            ),
        )
    ),
}


@pytest.mark.parametrize("seen", cases(CASES))
def test_silent(seen: Trace) -> None:
    assert [one.title for one in found_in(seen, {"shop/api.py": SOURCE})] == []


def test_the_slow_form_fires() -> None:
    found = found_in(seen("TypeAdapter(list[int])", "slow"), {"shop/api.py": SOURCE})
    assert [one.id for one in found] == ["repeated-compile"]
