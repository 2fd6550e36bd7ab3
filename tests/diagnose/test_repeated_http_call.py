"""Which loops ask another service once for each row."""

from tests.builders import plus, request, trace
from tests.sited import at
from unslow.lab.diagnose import repeated_http_call
from unslow.model import Finding, HttpCall, Trace

SOURCE = """
async def view(rows):
    answers = []
    for row in rows:
        answers.append(await load(row))
    return [await ask(row.id) for row in rows]

async def load(row):
    return await ask(row.id)
"""
HELPER = (at(SOURCE, "await ask(row.id)", "load"), at(SOURCE, "await load(row)", "view"))
COMPREHENSION = (at(SOURCE, "await ask(row.id)", "view"),)


def asked(stack: tuple, times: int = 6, ms: float = 20.0) -> Trace:
    calls = tuple(
        HttpCall("httpx-async", "GET", "partner", "/stock/*", f"d{n}", n * ms, ms, stack=stack)
        for n in range(times)
    )
    return trace(plus(request("GET", "/stock", ms=200.0), http_calls=calls))


def find(seen: Trace) -> list[Finding]:
    return list(repeated_http_call.find_in_source(seen, lambda path: SOURCE.encode()))


def test_silent_on_four_calls() -> None:
    assert find(asked(COMPREHENSION, times=4)) == []


def test_a_comprehension_is_found_at_its_call() -> None:
    (finding,) = find(asked(COMPREHENSION))
    assert finding.cause == at(SOURCE, "ask(row.id)", "view")
    assert (finding.evidence.calls, finding.evidence.ms) == (6.0, 100.0)
    assert "asks GET partner/stock/* 6 times in a loop, 100 ms longer" in finding.title


def test_the_cause_is_the_call_in_the_loop_though_a_helper_asks() -> None:
    (finding,) = find(asked(HELPER))
    assert finding.cause == at(SOURCE, "load(row)", "view")
    assert finding.symptom == HELPER[0]
