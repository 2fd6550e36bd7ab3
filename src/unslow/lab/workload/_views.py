"""The query parameters that a view reads by hand, found in its source."""

import ast
from collections.abc import Callable, Iterator

from unslow.model import Route, RouteParam

_HOLDERS = frozenset({"GET", "query_params", "args"})


def query_parameters(route: Route, read: Callable[[str], bytes]) -> Iterator[RouteParam]:
    """Parameters read as `request.GET.get("status")`, `request.query_params["q"]`, `request.args`.

    Only the view's own lines are looked at; what is not found there is not guessed.
    """
    if route.site is None:
        return
    try:
        tree = ast.parse(read(route.site.path))
    except (OSError, SyntaxError, ValueError):
        return
    seen = set()
    for view in _views_at(tree, route.site.line):
        for node in ast.walk(view):
            name = _parameter_name(node)
            if name and name not in seen:
                seen.add(name)
                yield RouteParam(name, "query")


def _views_at(tree: ast.Module, line: int) -> Iterator[ast.AST]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
            if first <= line <= (node.end_lineno or node.lineno):
                yield node


def _parameter_name(node: ast.AST) -> str | None:
    """The constant in `X.GET.get("name")`, `X.GET.getlist("name")` or `X.GET["name"]`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        if node.func.attr in ("get", "getlist") and _is_holder(node.func.value):
            return _constant(node.args[0])
    elif isinstance(node, ast.Subscript) and _is_holder(node.value):
        return _constant(node.slice)
    return None


def _is_holder(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in _HOLDERS


def _constant(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
