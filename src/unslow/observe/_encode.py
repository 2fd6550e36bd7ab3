"""Writes events as JSON, and what requests repeat (statements, sites, origins) only once."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_dumps = json.JSONEncoder(default=str, separators=(",", ":"), check_circular=False).encode

_sites: dict[int, tuple[Any, str]] = {}
_LONGEST_REMEMBERED = 10_000  # characters of a statement
_MAX_SITES = 100_000  # a program that compiles code without end must not fill the memory


def line(message: Mapping[str, Any]) -> bytes:
    """An event as one line."""
    return _dumps(message).encode() + b"\n"


def request(fields: Mapping[str, Any], queries: list[Any]) -> bytes:
    """A request as one line; the same as `line({**fields, "queries": queries})`."""
    memo: dict[int, str] = {}
    written = ",".join([_query(query, memo) for query in queries])
    return f'{_dumps(fields)[:-1]},"queries":[{written}]}}\n'.encode()


def _query(query: Any, memo: dict[int, str]) -> str:
    write = _statement if len(query["sql"]) <= _LONGEST_REMEMBERED else _written_statement
    statement = write(query["sql"], query["shape"], query["fingerprint"], query["kind"])
    stack, through, load = query["stack"], query["through"], query["load"]
    rows, parameters = query["rows"], query["parameters"]
    return (
        f'{{{statement},"start_ms":{query["start_ms"]:.4f},"duration_ms":{query["duration_ms"]:.4f},'
        f'"rows":{"null" if rows is None else rows},'
        f'"parameters":{"null" if parameters is None else _dumps(parameters)},'
        f'"parameters_digest":"{query["parameters_digest"]}",'
        f'"database":{_text(query["database"])},'
        f'"stack":[{",".join([_site(site) for site in stack])}],'
        f'"through":{_dumps(through) if through else "[]"},'
        f'"load":{"null" if load is None else _load(load, memo)},"batch":{query["batch"]}}}'
    )


def _written_statement(sql: str, shape: str, fingerprint: str, kind: str) -> str:
    return _dumps({"sql": sql, "shape": shape, "fingerprint": fingerprint, "kind": kind})[1:-1]


_statement = lru_cache(maxsize=4096)(_written_statement)


@lru_cache(maxsize=256)
def _text(text: str) -> str:
    return _dumps(text)


def _site(site: Any) -> str:
    found = _sites.get(id(site))
    if found is None:
        if len(_sites) > _MAX_SITES:
            _sites.clear()
        found = _sites[id(site)] = (site, _dumps(site))  # kept, so that its id stays its own
    return found[1]


def _load(load: Mapping[str, Any], memo: dict[int, str]) -> str:
    return "{" + ",".join([f'"{name}":{_part(part, memo)}' for name, part in load.items()]) + "}"


def _part(part: Any, memo: dict[int, str]) -> str:
    """An origin, which many loads of a request share, is written once."""
    if not isinstance(part, dict):
        return _dumps(part)
    found = memo.get(id(part))
    if found is None:
        found = memo[id(part)] = _dumps(part)
    return found
