"""Answers of three runs, made by hand: before, again with noise, after."""

import json
from collections.abc import Mapping

from unslow.lab.prove.equivalence import Answer, Equivalence, answer, summary
from unslow.lab.prove.rules import NO_RULES, Rules
from unslow.lab.workload import Call, Response

ORDERS = Call("GET", "/orders/", "GET orders/")
PORT = 8000


def given(
    body: object,
    kind: str = "application/json",
    headers: Mapping[str, str] | None = None,
    status: int = 200,
) -> Answer:
    """The answer with this body: bytes or text as they are, anything else as JSON."""
    if isinstance(body, bytes):
        raw = body
    else:
        plain = isinstance(body, str) and kind != "application/json"
        raw = (body if plain else json.dumps(body)).encode()
    sent = (("Content-Type", kind), *(headers or {}).items())
    response = Response(status, sent, raw, 0.1)
    return answer(response, f"http://127.0.0.1:{PORT}")


def difference(before: Answer, again: Answer, after: Answer, rules: Rules = NO_RULES) -> str:
    judge = Equivalence([(ORDERS, before)], [(ORDERS, again)], rules)
    found = summary(judge.compare([(ORDERS, after)])).first_difference
    return found.removeprefix("GET /orders/ ")


def masked(before: Answer, again: Answer, rules: Rules = NO_RULES) -> tuple[str, ...]:
    judge = Equivalence([(ORDERS, before)], [(ORDERS, again)], rules)
    return tuple(name.removeprefix("GET orders/: ") for name in judge.masked())
