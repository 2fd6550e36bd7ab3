import pytest

from tests.builders import plus, query, request, site, trace
from tests.negatives.cases import cases, found
from unslow.model import Switch

MADE = site("shop/database.py:9:9 <module>")


def seen(*switches):
    return trace(plus(request("GET", "orders/", query("SELECT 1")), switches=switches))


CASES = {
    "nothing is on": seen(),
    "DEBUG from the environment": seen(Switch("DEBUG", "True")),
    "an engine of an installed package that logs": seen(Switch("echo", "True")),
    "a switch of another kind": seen(Switch("future", "True", MADE)),
    "a pool that logs": seen(Switch("echo_pool", "True", MADE)),
    "templates that reload": seen(Switch("auto_reload", "True", MADE)),
    "a request without queries": trace(request("GET", "health/")),
    "no requests": trace(),
}


@pytest.mark.parametrize("one", cases(CASES))
def test_silent(one):
    assert found("debug-mode", one) == []


def test_the_slow_form_fires():
    assert found("debug-mode", seen(Switch("echo", "True", MADE)))
