from tests.builders import plus, query, request, site, trace
from unslow.lab.diagnose.debug_mode import find
from unslow.model import Switch

MADE = site("shop/database.py:9:9 <module>")


def findings(*switches):
    one = request("GET", "orders/", query("SELECT 1") * 4)
    return list(find(trace(*[plus(one, switches=switches)] * 2)))


def test_silent_without_a_switch():
    assert findings() == []


def test_silent_where_the_source_does_not_say_so():
    assert findings(Switch("DEBUG", "True")) == []


def test_silent_for_other_switches():
    assert findings(Switch("future", "True", MADE)) == []


def test_an_engine_that_logs():
    (finding,) = findings(Switch("echo", "True", MADE))
    assert finding.cause == MADE
    assert finding.title.startswith("GET orders/ logs every statement")
    assert (finding.confidence, finding.evidence.calls) == ("certain", 4)


def test_django_may_be_a_developers():
    (finding,) = findings(Switch("DEBUG", "True", MADE))
    assert (finding.severity, finding.confidence) == ("low", "possible")
