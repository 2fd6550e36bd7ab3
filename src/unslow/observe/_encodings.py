"""Notes how long a request spends on making its response out of what it has read."""

import ast
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from unslow.observe import _record, _sites, _wire
from unslow.observe._django_source import definition_of
from unslow.observe._sites import Site

_inside: ContextVar[bool] = ContextVar("unslow_encoding", default=False)


@contextmanager
def encoding(kind: str, target: Any, content: Any) -> Iterator[None]:
    """Time the outermost encoding of `content`, which `target` (a class or function) stands for.

    What the database needs meanwhile is not counted.
    """
    record = None if _inside.get() else _record.current()
    before = _count(record) if record is not None else None
    if record is None or before is None:
        yield
        return
    token = _inside.set(True)
    started = time.perf_counter()
    try:
        yield
    finally:
        _inside.reset(token)
        spent = (time.perf_counter() - started) * 1000
        _note(record, kind, target, content, spent, before)


@_wire.safely
def _count(record: _record.RequestRecord) -> int:
    return len(record.queries)


def is_inside() -> bool:
    return _inside.get()


@_wire.safely
def _note(
    record: _record.RequestRecord, kind: str, target: Any, content: Any, spent: float, before: int
) -> None:
    waited = sum(query["duration_ms"] for query in record.queries[before:])
    record.add(
        "encodings",
        {
            "kind": kind,
            "name": f"{target.__module__}.{target.__qualname__}",
            "items": _length(content),
            "duration_ms": max(spent - waited, 0.0),
            "site": _place(kind, target),
        },
    )


def _length(content: Any) -> int:
    """The rows of a list, or of the longest list that a mapping holds."""
    if isinstance(content, list | tuple):
        return len(content)
    if isinstance(content, dict):
        return max(
            (len(one) for one in content.values() if isinstance(one, list | tuple)), default=1
        )
    cached = getattr(content, "_result_cache", None)  # a queryset that has its rows
    return len(cached) if isinstance(cached, list) else 1


def _place(kind: str, target: Any) -> Site | None:
    """The list of a serializer's fields, or what a view returns; None outside the application."""
    definition = definition_of(target)
    code = getattr(target, "__code__", None)
    path = code.co_filename if code is not None else _file(target)
    if definition is None or not _sites.is_application(path):
        return None
    node = _fields(definition) if kind == "serializer" else _returned(definition)
    if node is None:
        return None
    return Site(
        path=path,
        line=node.lineno,
        end_line=node.end_lineno or node.lineno,
        column=node.col_offset,
        end_column=node.end_col_offset or 0,
        function=target.__qualname__,
    )


def _file(target: Any) -> str:
    import inspect

    return inspect.getsourcefile(target) or ""


def _fields(definition: ast.AST) -> ast.expr | None:
    for node in ast.walk(definition):
        if isinstance(node, ast.Assign) and any(
            isinstance(name, ast.Name) and name.id == "fields" for name in node.targets
        ):
            return node.value
    return None


def _returned(definition: ast.AST) -> ast.expr | None:
    """The value of the only `return`."""
    found = [node for node in _own(definition) if isinstance(node, ast.Return) and node.value]
    return found[0].value if len(found) == 1 else None


def _own(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _own(child)
