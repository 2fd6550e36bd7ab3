"""Keeps what a property asks on its instance: `functools.cached_property`."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._asked import Stack, decorators, is_generator, stacks
from unslow.lab.prescribe._class_bodies import bases, defines, resolve
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._loops import WRITES
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch, Recommendation, RepeatedLoad, RepeatEvidence, TextEdit

DETECTORS = frozenset({"duplicate-query"})
FIXER = "cached-property"
RIGID = frozenset(  # classes whose instances have no room, or a meaning of their own for it
    {"BaseModel", "RootModel", "NamedTuple", "Struct", "TypedDict", "Enum", "Protocol", "type"}
)
DEPTH = 4  # base classes looked through


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch where a property, or a method without arguments, asks each time."""
    if not isinstance(finding.evidence, RepeatEvidence):
        return
    for position, repeated in enumerate(finding.evidence.loads):
        found = _method(finding, repeated, source)
        if found is None:
            continue
        module, function, body = found
        name = f"{body.name.value}.{function.name.value}"
        if reason := _refusal(module, function, body, source):
            summary = f"Keep what {name} reads on the instance: functools.cached_property"
            yield Recommendation(FIXER, summary, reason)
        else:
            edits = _edits(module, function, body)
            if edits:
                summary = f"Read {name} once for each instance: cached_property"
                yield Patch(FIXER, summary, "review", tuple(edits), covers=(position,))


def _method(
    finding: Finding, repeated: RepeatedLoad, source: Source
) -> tuple[Module, cst.FunctionDef, cst.ClassDef] | None:
    """The innermost function of all stacks that takes its instance alone."""
    found = stacks(finding, repeated, source)
    for depth in range(min(map(len, found), default=0)):
        places = [_method_at(stack, depth, source) for stack in found]
        functions = {place[1] if place else None for place in places}
        if len(functions) == 1 and places[0] is not None:
            return places[0]
    return None


def _method_at(
    stack: Stack, depth: int, source: Source
) -> tuple[Module, cst.FunctionDef, cst.ClassDef] | None:
    module = source.module(stack[depth].path)
    node = module.at(stack[depth]) if module else None
    function = module.enclosing(node, cst.FunctionDef) if module and node else None
    if module is None or function is None:
        return None
    block = module.parents[function]
    body = module.parents[block] if isinstance(block, cst.IndentedBlock) else None
    params = function.params
    alone = (
        len(params.params) == 1
        and not params.posonly_params
        and not params.kwonly_params
        and not isinstance(params.star_arg, cst.Param | cst.ParamStar)
        and params.star_kwarg is None
    )
    plain = decorators(function) in ([], ["property"]) and function.asynchronous is None
    special = function.name.value.startswith("__")
    if not isinstance(body, cst.ClassDef) or not alone or not plain or special:
        return None
    return module, function, body


def _refusal(module: Module, function: cst.FunctionDef, body: cst.ClassDef, source: Source) -> str:
    name = function.name.value
    if is_generator(function, module):
        return "it is a generator, which can be read once"
    if _is_rigid(module, body, source):
        return "instances of its class have no room for it"
    if any(
        name in (chains.dotted(one.decorator).rpartition(".")[0] for one in other.decorators)
        for other in body.body.body
        if isinstance(other, cst.FunctionDef)
    ):
        return "it can be assigned or deleted as well"
    if not decorators(function) and defines(body, f"_{name}"):
        return "there is no free name for the property"
    if _writes(function):
        return "it writes as well as reads"
    if path := _written_around(name, source):
        return f"{path} writes rows in a function that reads it"
    if path := _lives_long(body.name.value, source):
        return f"{path} makes an instance that outlives the request"
    return ""


def _is_rigid(module: Module, body: cst.ClassDef, source: Source, depth: int = 0) -> bool:
    if defines(body, "__slots__") or {"define", "frozen", "mutable", "s"} & {*decorators(body)}:
        return True
    if any("slots" in module.text(one) for one in body.decorators):
        return True
    for base in bases(body):
        if base.rpartition(".")[2] in RIGID or "?" in base:
            return True
        parent = resolve(base, module, source) if depth < DEPTH else None
        if parent is not None and _is_rigid(*parent, source, depth + 1):
            return True
    return False


def _writes(function: cst.FunctionDef) -> bool:
    tree = ast.parse(cst.Module([function]).code)
    return any(_is_write(node) for node in ast.walk(tree))


def _written_around(name: str, source: Source) -> str:
    """A file with a function that reads the attribute and writes rows, or ""."""
    for path, tree in _mentioning(f".{name}", source):
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = list(ast.walk(function))
                reads = any(isinstance(n, ast.Attribute) and n.attr == name for n in inner)
                if reads and any(map(_is_write, inner)):
                    return path
    return ""


def _lives_long(name: str, source: Source) -> str:
    """A file that makes an instance at its top level or in a cached function, or ""."""
    for path, tree in _mentioning(f"{name}(", source):
        for node in [*tree.body, *_cached(tree)]:
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.Return) and any(
                isinstance(call, ast.Call) and _called(call) == name for call in ast.walk(node)
            ):
                return path
    return ""


def _cached(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(
            "cache" in ast.unparse(one) for one in node.decorator_list
        ):
            yield from ast.walk(node)


def _mentioning(text: str, source: Source) -> Iterator[tuple[str, ast.Module]]:
    for path in source.mentioning(text.encode()):
        with contextlib.suppress(OSError, SyntaxError, ValueError):
            yield path, ast.parse(source.read(path))


def _is_write(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in WRITES
    )


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _edits(module: Module, function: cst.FunctionDef, body: cst.ClassDef) -> list[TextEdit]:
    imports = Imports(module, module.start(body))
    cached = imports.name("functools", "cached_property")
    if cached is None:
        return []
    name = function.name.value
    if function.decorators:
        return [module.replace(function.decorators[0].decorator, cached), *imports.edits()]
    indent = module.indent(module.start(function.name))
    returns = module.text(function.returns) if function.returns else ""
    arrow = f" -> {returns.removeprefix('->').strip()}" if returns else ""
    instance = function.params.params[0].name.value
    head = (
        f"def {name}({instance}){arrow}:\n{indent}    return {instance}._{name}\n\n"
        f"{indent}@{cached}\n{indent}"
    )
    start = module.content.rindex(b"def", 0, module.start(function.name))
    return [
        module.insert(start, head),
        module.replace(function.name, f"_{name}"),
        *imports.edits(),
    ]
