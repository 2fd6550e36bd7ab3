import pytest
from msgspec.structs import replace

from tests.builders import query, request, sites, trace
from tests.negatives.cases import cases, found
from unslow.model import Render

USE = "shop/views.py:15:20 cards"


def rendered(template="card.html", times=50, ms=40.0, stack=(USE,)) -> Render:
    return Render(template, times, ms, sites(*stack))


def seen(*renders: Render):
    made = trace(*[request("GET", "cards/", query("SELECT 1 FROM a"), ms=100.0)] * 3)
    return replace(made, requests=tuple(replace(one, renders=renders) for one in made.requests))


CASES = {
    "one page": seen(rendered(times=1, ms=90.0)),
    "a page and two mails": seen(rendered(times=1, ms=50.0), rendered("mail.html", 2, 20.0)),
    "nine cards": seen(rendered(times=9)),
    "cards that cost next to nothing": seen(rendered(times=50, ms=5.0)),
    "a library's template": seen(rendered(stack=())),
    "different templates of one line": seen(*(rendered(f"{n}.html", 1, 5.0) for n in range(15))),
    "one template from many places": seen(
        *(rendered(times=4, ms=10.0, stack=(f"shop/views.py:{n}:4 page",)) for n in range(9))
    ),
    "one template for each of many requests": trace(
        *[request("GET", "cards/", query("SELECT 1 FROM a"))] * 50
    ),
    "a fragment per language": seen(rendered("legal.html", 4, 60.0)),
}


@pytest.mark.parametrize("what", cases(CASES))
def test_silent(what):
    assert found("repeated-render", what) == []


def test_the_slow_form_fires():
    assert found("repeated-render", seen(rendered()))
