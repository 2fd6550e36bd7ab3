"""Finds the source of views, models and other definitions."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

from unslow.observe._sites import Site

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def unwrapped(view: Any) -> Any:
    """The function or class behind decorators and `as_view()`."""
    view_class = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if view_class is not None:
        return view_class
    while True:
        if isinstance(view, partial):
            view = view.func
        elif hasattr(view, "__wrapped__"):
            view = view.__wrapped__
        else:
            return view


def written(view: Any) -> Any:
    """What the application wrote: the function too, where `@api_view` makes a class of it."""
    target = unwrapped(view)
    if isinstance(target, type) and target.__qualname__ == "WrappedAPIView":
        for handler in vars(target).values():
            code = getattr(handler, "__code__", None)
            if code is not None and "func" in code.co_freevars:
                return unwrapped(handler.__closure__[code.co_freevars.index("func")].cell_contents)
    return target


def view_name(view: Any) -> str:
    """`shop.views.OrderList` of the function or class behind a URL pattern."""
    target = written(view)
    name = getattr(target, "__qualname__", type(target).__qualname__)
    return f"{getattr(target, '__module__', '')}.{name}"


def site_of_view(view: Any, method: str = "") -> Site | None:
    """Where the view is defined: the handler of `method` where the class itself defines one."""
    target = written(view)
    if isinstance(target, type):
        action = (getattr(view, "actions", None) or {}).get(method, method)
        handler = vars(target).get(action)
        target = unwrapped(handler) if inspect.isfunction(handler) else target
    return site_of_definition(target)


def definition_of(target: Any) -> Definition | None:
    """The syntax tree of a function or class."""
    try:
        path = inspect.getsourcefile(target) or ""
    except (TypeError, OSError):
        return None
    return _definitions(path).get(getattr(target, "__qualname__", ""))


def site_of_definition(target: Any) -> Site | None:
    """The whole `class` or `def` statement, without its decorators; None without source."""
    try:
        path = inspect.getsourcefile(target) or ""
    except (TypeError, OSError):
        return None
    name = getattr(target, "__qualname__", "")
    code = getattr(target, "__code__", None)
    return _site(path, name, code.co_firstlineno if code is not None else 0)


@lru_cache(maxsize=4096)
def _site(path: str, name: str, line: int) -> Site | None:
    found = _definitions(path).get(name)
    if found is None:
        return (
            Site(path=path, line=line, end_line=line, column=0, end_column=0, function=name)
            if line
            else None
        )
    return Site(
        path=path,
        line=found.lineno,
        end_line=found.end_lineno or found.lineno,
        column=found.col_offset,
        end_column=found.end_col_offset or 0,
        function=name,
    )


@lru_cache(maxsize=256)
def _definitions(path: str) -> dict[str, Definition]:
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return {}
    return dict(_named(tree, ""))


def _named(node: ast.AST, prefix: str) -> Iterator[tuple[str, Definition]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield prefix + child.name, child
            yield from _named(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name, child
            yield from _named(child, f"{prefix}{child.name}.<locals>.")
        else:
            yield from _named(child, prefix)
