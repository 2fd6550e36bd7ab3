"""Saves what was observed, without any values, and reads it back."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from unslow.errors import UnslowError, UsageError
from unslow.model import Plan, PlanNode, Query, Request, Trace

GZIP_MAGIC = b"\x1f\x8b"
TEXT = re.compile(r"'(?:[^']|'')*'")
NUMBER = re.compile(r"(?<![\w.$])-?\d+(?:\.\d+)?(?![\w.])")


def save(trace: Trace, path: Path) -> None:
    """Write the redacted trace as JSON, compressed when the name ends in `.gz`."""
    data = msgspec.json.encode(redacted(trace))
    try:
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    except OSError as error:
        raise UnslowError(f"{path} cannot be written: {error.strerror}") from error


def load(path: Path) -> Trace:
    """The trace in a file. Raises UsageError when there is none."""
    try:
        data = path.read_bytes()
        if data.startswith(GZIP_MAGIC):
            data = gzip.decompress(data)
        return msgspec.json.decode(data, type=Trace)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except (msgspec.DecodeError, EOFError) as error:
        raise UsageError(f"{path} is not a trace of unslow: {error}") from error


def reader(trace: Trace, cwd: Path) -> Callable[[str], bytes]:
    """Reads a source file of the trace from its roots, else from `cwd`; may raise OSError."""

    def read(path: str) -> bytes:
        for root in (*map(Path, trace.roots), cwd):
            if (root / path).is_file():
                return (root / path).read_bytes()
        return (cwd / path).read_bytes()

    return read


def redacted(trace: Trace) -> Trace:
    """The trace without a value of the application's data: no parameters, no literals, no URLs.

    Equal values stay recognisable by their keyed digest.
    """
    return msgspec.structs.replace(
        trace,
        requests=tuple(map(_request, trace.requests)),
        plans=tuple(map(_plan, trace.plans)),
    )


def without_literals(sql: str) -> str:
    """SQL or a plan's condition with every literal replaced, still valid SQL."""
    return NUMBER.sub("0", TEXT.sub("'?'", sql))


def _request(request: Request) -> Request:
    return msgspec.structs.replace(
        request,
        path=request.route,
        error=request.error.partition(":")[0],
        queries=tuple(map(_query, request.queries)),
    )


def _query(query: Query) -> Query:
    return msgspec.structs.replace(query, sql=without_literals(query.sql), parameters=None)


def _plan(plan: Plan) -> Plan:
    return msgspec.structs.replace(plan, sql=without_literals(plan.sql), root=_node(plan.root))


def _node(node: PlanNode) -> PlanNode:
    return msgspec.structs.replace(
        node,
        condition=without_literals(node.condition),
        filter=without_literals(node.filter),
        children=tuple(map(_node, node.children)),
    )
