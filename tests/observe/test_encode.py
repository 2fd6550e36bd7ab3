"""What is written once for speed reads back as if it were written in full."""

import json

from unslow.observe import _encode

SITE = {"path": "/é.py", "line": 1, "end_line": 1, "column": 0, "end_column": 4, "function": "f"}
ORIGIN = {"id": "1", "model": "shop.Order", "links": [{"operation": "filter", "stack": [SITE]}]}


def query(**changes):
    return {
        "sql": 'SELECT "a" FROM t WHERE b = %s',
        "shape": 'SELECT "a" FROM t WHERE b = ?',
        "fingerprint": "0123456789abcdef",
        "start_ms": 1.25,
        "duration_ms": 0.5,
        "kind": "select",
        "rows": 3,
        "parameters": ["'it''s \\ \"x\"'"],
        "parameters_digest": "00ff",
        "database": 'odd "name"',
        "stack": [SITE, SITE],
        "through": ["OrderSerializer.items"],
        "load": {"kind": "forward", "plain": True, "origin": ORIGIN, "queryset": None},
        "batch": 1,
        **changes,
    }


def test_requests_read_back():
    fields = {"type": "request", "id": "1", "view": SITE}
    queries = [
        query(),
        query(rows=None, parameters=None, stack=[], through=[], load=None),
        query(load={"origin": ORIGIN, "queryset": {**ORIGIN, "id": "2"}}),
    ]
    line = _encode.request(fields, queries)
    assert line.count(b"\n") == 1
    assert json.loads(line) == {**fields, "queries": queries}


def test_requests_without_queries_read_back():
    assert json.loads(_encode.request({"id": "1"}, [])) == {"id": "1", "queries": []}


def test_a_changed_site_is_not_mistaken_for_another():
    for number in range(3):
        site = {**SITE, "line": number}
        assert json.loads(_encode.request({"id": "1"}, [query(stack=[site])]))["queries"][0][
            "stack"
        ] == [site]
