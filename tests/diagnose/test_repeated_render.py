import pytest
from msgspec.structs import replace

from tests.builders import query, request, site, sites, trace
from unslow.lab.diagnose.repeated_render import find
from unslow.model import Render

USE = "shop/views.py:15:20 cards"


def seen(*renders, requests=2, ms=100.0):
    made = trace(*[request("GET", "cards/", query("SELECT 1 FROM a"), ms=ms)] * requests)
    ran = tuple(replace(one, renders=renders) for one in made.requests)
    return replace(made, requests=ran)


def rendered(template="card.html", times=50, ms=40.0, stack=(USE,)):
    return Render(template, times, ms, sites(*stack))


def test_silent_without_renders():
    assert list(find(seen())) == []


@pytest.mark.parametrize(
    "renders",
    [
        (rendered(times=9),),
        (rendered(ms=9.0),),
        (rendered(stack=()),),
        tuple(rendered(f"{n}.html", 5) for n in range(9)),
    ],
    ids=["few", "cheap", "by a library", "different ones"],
)
def test_silent_when(renders):
    assert list(find(seen(*renders))) == []


def test_fires_on_a_template_per_row():
    [found] = find(seen(rendered()))
    assert found.title == "GET cards/ renders card.html 50 times (shop/views.py:15 in cards)"
    assert found.cause == site(USE)
    assert (found.cost.ms_per_request, found.cost.share) == (40.0, 0.4)
    assert (found.evidence.template, found.evidence.times) == ("card.html", 50)
    assert found.endpoints == ("GET cards/",)


def test_each_template_and_place_is_a_finding():
    other = rendered(stack=("shop/views.py:30 rows",))
    assert len(list(find(seen(rendered(), rendered("row.html"), other)))) == 3
