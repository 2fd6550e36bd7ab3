"""What requests compile anew."""

from tests.builders import plus, request, trace
from tests.sited import at
from unslow.lab.diagnose import repeated_compile
from unslow.model import Compiled, Finding, Site, Trace

SOURCE = """
import re
from jinja2 import Environment
from pydantic import BaseModel, TypeAdapter

WORDS = ["a", "b"]

def view(rows):
    return TypeAdapter(list[int]).validate_python(rows)

def words(text):
    return [re.search(word, text) for word in WORDS]

def letter():
    pages = Environment(loader=None)
    return pages.get_template("letter.txt").render()

def model(rows):
    class Row(BaseModel):
        id: int
    return Row
"""
ADAPTER = ("pydantic.TypeAdapter", at(SOURCE, "TypeAdapter(list[int])", "view"))
WORDS = ("re.Pattern", at(SOURCE, "re.search(word, text)", "words"))
LETTER = ("jinja2.Template", at(SOURCE, 'pages.get_template("letter.txt")', "letter"))
MODEL = (
    "pydantic.BaseModel",
    Site("shop/api.py", 19, 20, 4, 15, "model"),
)


def seen(what: str, site: Site, times: int = 1, ms: float = 1.0) -> Trace:
    one = plus(request("GET", "/rows", ms=4.0), compiled=(Compiled(what, "d", times, ms, (site,)),))
    return trace(*[one] * 3)


def find(trace: Trace) -> list[Finding]:
    return list(repeated_compile.find_in_source(trace, lambda path: SOURCE.encode()))


def test_silent_where_nothing_is_compiled() -> None:
    assert find(trace(*[request("GET", "/rows", ms=4.0)] * 3)) == []


def test_the_call_that_compiles_is_the_cause() -> None:
    (finding,) = find(seen(*ADAPTER))
    assert (finding.cause, finding.evidence.call) == (ADAPTER[1], "pydantic.TypeAdapter")
    assert (finding.evidence.calls, finding.evidence.ms, finding.cost.share) == (1.0, 1.0, 0.25)
    assert "GET /rows compiles a type adapter in each request, 1.0 ms" in finding.title


def test_patterns_are_counted() -> None:
    (finding,) = find(seen(*WORDS, times=600))
    assert (finding.cause, finding.evidence.calls) == (WORDS[1], 600.0)
    assert "compiles 600 patterns" in finding.title


def test_an_environment_that_forgets_is_the_cause() -> None:
    (finding,) = find(seen(*LETTER))
    assert finding.cause == at(SOURCE, "Environment(loader=None)", "letter")
    assert finding.symptom == LETTER[1]


def test_a_class_of_a_function_is_found() -> None:
    (finding,) = find(seen(*MODEL))
    assert (finding.cause, finding.evidence.call) == (MODEL[1], "pydantic.BaseModel")
