from itertools import count

import msgspec

from tests.builders import Queries, query, site, trace
from tests.builders import request as sent
from unslow.lab.budget import counting
from unslow.lab.budget.rules import Limit
from unslow.model import Cost, Finding, RepeatedLoad, RepeatEvidence, Request, Spent

ORDERS = "orders/"
ENDPOINT = "GET orders/"
LIST = query("SELECT * FROM orders", "shop/views.py:7 orders", rows=20)
OWNER = query("SELECT * FROM owners WHERE id = ?", "shop/owners.py:3 owner_of", rows=1)


def call(
    number: int, *rounds: Queries, method: str = "GET", path: str = "", status: int = 200
) -> list[Request]:
    """The requests of one call of the workload, a round each."""
    made = trace(*(sent(method, ORDERS, one, path=path) for one in rounds)).requests
    ids = count()
    return [
        msgspec.structs.replace(
            one,
            id=f"observe-{next(ids)}-{number}",
            status=status,
            response_bytes=100 * (number + 1),
        )
        for one in made
    ]


def calls(*requests: list[Request]) -> tuple[counting.Call, ...]:
    everything = tuple(one for part in requests for one in part)
    [found] = counting.by_endpoint(msgspec.structs.replace(trace(), requests=everything)).values()
    return found


def spent(own, base=(), causes=None, **limits: int) -> dict[str, Spent]:
    wanted = {name: Limit(value, "orders/") for name, value in limits.items()}
    return {one.counter: one for one in counting.spent(own, base, wanted, causes or {})}


def test_nothing_is_named_within_the_limit() -> None:
    found = spent(calls(call(0, LIST + OWNER)), queries=2)["queries"]
    assert (found.found, found.limit, found.exceeded) == (2, 2, False)
    assert found.spenders == ()
    assert found.call == ""


def test_the_costliest_call_counts_for_its_endpoint() -> None:
    own = calls(call(0, LIST), call(1, LIST + OWNER * 3, path="/orders/?page=7&q=alice"))
    found = spent(own, queries=3, rows=22, bytes=150)
    assert {name: one.found for name, one in found.items()} == {
        "queries": 4,
        "rows": 23,
        "bytes": 200,
    }
    assert all(one.exceeded for one in found.values())


def test_a_call_is_named_without_its_values() -> None:
    own = calls(call(0, LIST), call(1, LIST + OWNER, path="/orders/?page=7&q=alice"))
    assert spent(own, queries=1)["queries"].call == "2 of 2: orders/?page=…&q=…"


def test_what_only_a_cold_process_does_is_not_counted() -> None:
    warming = query("SELECT version()")
    assert spent(calls(call(0, LIST + warming, LIST)))["queries"].found == 1


def test_a_write_is_held_to_its_first_time() -> None:
    insert = query("INSERT INTO orders VALUES (?)")
    again = call(0, LIST + insert, LIST, method="POST")
    assert (
        counting.by_endpoint(msgspec.structs.replace(trace(), requests=tuple(again)))[
            "POST orders/"
        ][0].amount("queries")
        == 2
    )


def test_statements_are_named_most_frequent_first_with_their_lines() -> None:
    found = spent(calls(call(0, LIST + OWNER * 3)), queries=1)["queries"]
    assert [(one.count, one.cause.path) for one in found.spenders] == [
        (3, "shop/owners.py"),
        (1, "shop/views.py"),
    ]


def test_for_rows_the_statement_that_gave_most_comes_first() -> None:
    found = spent(calls(call(0, LIST + OWNER * 3)), rows=1)["rows"]
    assert [(one.count, one.rows) for one in found.spenders] == [(1, 20), (3, 3)]


def test_a_finding_s_cause_wins_over_the_line_that_ran_the_statement() -> None:
    cause = site("shop/views.py:9 orders")
    fingerprint = OWNER.all[0].fingerprint
    finding = Finding(
        id="repeated-query",
        title="",
        severity="high",
        confidence="certain",
        endpoints=(ENDPOINT,),
        cause=cause,
        symptom=None,
        evidence=RepeatEvidence((RepeatedLoad("", fingerprint, 3.0),)),
        cost=Cost(3, 1, 0.5),
    )
    known = counting.causes([finding])
    found = spent(calls(call(0, LIST + OWNER * 3)), causes=known, queries=1)["queries"]
    assert found.spenders[0].cause == cause


def test_the_base_says_what_is_new() -> None:
    own, base = calls(call(0, LIST + OWNER * 3)), calls(call(0, LIST))
    found = spent(own, base, queries=1)["queries"]
    assert (found.base, found.found) == (1, 4)
    assert [(one.count, one.base) for one in found.spenders] == [(3, 0), (1, 1)]


def test_rows_that_a_driver_did_not_count_are_said() -> None:
    assert not spent(calls(call(0, LIST)))["rows"].at_least
    unknown = query("SELECT 1", rows=None)
    assert spent(calls(call(0, LIST + unknown)))["rows"].at_least


def test_an_endpoint_that_only_fails_does_not_answer() -> None:
    assert counting.answers(calls(call(0, LIST)))
    assert not counting.answers(calls(call(0, LIST, status=404)))
