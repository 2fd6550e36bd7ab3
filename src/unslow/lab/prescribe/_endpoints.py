"""Endpoints of FastAPI that are coroutines and need not be: they await nothing."""

import re

import libcst as cst

from unslow.lab.prescribe._chains import dotted
from unslow.lab.prescribe._locals import names
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source

ROUTES = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "api_route"})
WAITING = (cst.Await, cst.Yield, cst.Asynchronous, cst.Global, cst.Nonlocal)
# What works in the thread of the event loop alone.
LOOPED = frozenset(
    {"asyncio", "anyio", "trio", "create_task", "ensure_future", "start_soon", "contextvars"}
    | {"call_soon", "call_later", "put_nowait", "get_nowait", "set_result", "set_exception"}
)


def idle_coroutine(module: Module, node: cst.CSTNode, source: Source) -> cst.FunctionDef | None:
    """The route around `node` that could be a plain function, which FastAPI runs in a thread."""
    function = module.enclosing(node, cst.FunctionDef)
    if function is None or function.asynchronous is None or not _is_route(module, function):
        return None
    if _waits(function) or _is_called(module, function.name.value, source):
        return None
    return function


def holds_lock(module: Module, node: cst.CSTNode) -> bool:
    """Whether the node is a `with` of a lock, which an `await` inside would keep from others."""
    return (
        isinstance(node, cst.With)
        and node.asynchronous is None
        and any("lock" in module.text(one.item).lower() for one in node.items)
    )


def _is_route(module: Module, function: cst.FunctionDef) -> bool:
    """Whether routes of an object that FastAPI's names made are all that decorates it."""
    if not any(module.parents[function] is one for one in (module.tree,)):
        return False
    if not function.decorators or not _imports_fastapi(module):
        return False
    return all(
        isinstance(one.decorator, cst.Call)
        and isinstance(one.decorator.func, cst.Attribute)
        and isinstance(one.decorator.func.value, cst.Name)
        and one.decorator.func.attr.value in ROUTES
        for one in function.decorators
    )


def _imports_fastapi(module: Module) -> bool:
    found = [
        dotted(one.module).partition(".")[0]
        for one in module.nodes(cst.ImportFrom)
        if one.module is not None and not one.relative
    ]
    return "fastapi" in found


def _waits(function: cst.FunctionDef) -> bool:
    """Whether anything in the body waits, is a coroutine of its own, or needs the loop's thread."""
    stack: list[cst.CSTNode] = [function.body]
    while stack:
        node = stack.pop()
        if isinstance(node, WAITING):
            return True
        if isinstance(node, cst.Name | cst.Attribute) and LOOPED & set(_words(node)):
            return True
        stack.extend(node.children)
    return False


def _words(node: cst.Name | cst.Attribute) -> set[str]:
    return {node.attr.value} if isinstance(node, cst.Attribute) else names(node)


def _is_called(module: Module, name: str, source: Source) -> bool:
    """Whether other code may await it."""
    word = re.escape(name).encode()
    if sum(one.value == name for one in module.nodes(cst.Name)) > 1:
        return True
    own = module.path.removesuffix(".py").rpartition("/")[2].encode()
    uses = re.compile(
        rb"await\s+(?:\w+\.)*" + word + rb"\(|\bimport\b[^\n]*\b" + word + rb"\b|^\s+"
        + word + rb",?\s*$|\b" + re.escape(own) + rb"\." + word + rb"\b",
        re.M,
    )  # fmt: skip
    return any(
        uses.search(source.read(path)) for path in source.files("**/*.py") if path != module.path
    )
