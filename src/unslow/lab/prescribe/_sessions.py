"""Where a function's async session comes from: the factory that makes one more."""

from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe import _imports as imports
from unslow.lab.prescribe._chains import dotted
from unslow.lab.prescribe._imports import origin_of
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source

SESSION = "AsyncSession"
Named = tuple[Module, cst.BaseExpression]


def sessions(module: Module, function: cst.FunctionDef, source: Source) -> dict[str, cst.Param]:
    """The parameters that are async sessions, by name."""
    return {
        param.name.value: param
        for param in (*function.params.params, *function.params.kwonly_params)
        if param.annotation and _is_session(module, param.annotation.annotation, source)
    }


def factory(module: Module, param: cst.Param, source: Source) -> tuple[str, str] | None:
    """The package and the name of what the parameter's dependency opens: `async with Session()`."""
    for place, call in _dependencies(module, param, source):
        name = dotted(call.args[0].value) if call.args else ""
        found = _definition(place, name, source)
        if found is not None:
            home, function = found
            opened = _opened(function)
            package = origin_of(home, opened) or _own_package(home, opened)
            if opened and package:
                return source.import_name(package), opened
    return None


def _is_session(module: Module, annotation: cst.BaseExpression, source: Source) -> bool:
    where, node = _resolved(module, annotation, source)
    if isinstance(node, cst.Subscript) and dotted(node.value).endswith("Annotated"):
        first = node.slice[0].slice
        return isinstance(first, cst.Index) and _is_session(where, first.value, source)
    return dotted(node).rpartition(".")[2] == SESSION


def _dependencies(
    module: Module, param: cst.Param, source: Source
) -> Iterator[tuple[Module, cst.Call]]:
    """The `Depends(...)` of a default, or of an annotation."""
    if isinstance(param.default, cst.Call):
        yield module, param.default
    if param.annotation is None:
        return
    where, node = _resolved(module, param.annotation.annotation, source)
    if isinstance(node, cst.Subscript):
        for element in node.slice[1:]:
            if isinstance(element.slice, cst.Index) and isinstance(element.slice.value, cst.Call):
                yield where, element.slice.value


def _resolved(module: Module, node: cst.BaseExpression, source: Source) -> Named:
    """What a name stands for: an assignment of its module, or of the one that it is from."""
    if not isinstance(node, cst.Name):
        return module, node
    for place in (module, *_imported(module, node.value, source)):
        found = _assignment(place, node.value)
        if found is not None:
            return place, found.value
    return module, node


def _definition(module: Module, name: str, source: Source) -> tuple[Module, cst.FunctionDef] | None:
    for place in (module, *_imported(module, name, source)):
        for statement in place.tree.body:
            if isinstance(statement, cst.FunctionDef) and statement.name.value == name:
                return place, statement
    return None


def _imported(module: Module, name: str, source: Source) -> Iterator[Module]:
    """The application's module that `name` is imported from."""
    package = origin_of(module, name)
    if package is None or package == imports._dotted_path(module):
        return
    folders = module.path.split("/")[:-1]
    for depth in range(len(folders) + 1):
        base = "/".join([*folders[:depth], *package.split(".")])
        for path in (f"{base}.py", f"{base}/__init__.py"):
            found = source.module(path)
            if found is not None:
                yield found
                return


def _opened(function: cst.FunctionDef) -> str:
    """`Session` of `async with Session() as session: yield session`, the whole body."""
    body = function.body.body
    if len(body) != 1 or not isinstance(body[0], cst.With) or not body[0].asynchronous:
        return ""
    items = body[0].items
    call = items[0].item
    if len(items) != 1 or not isinstance(call, cst.Call) or call.args:
        return ""
    return call.func.value if isinstance(call.func, cst.Name) else ""


def _own_package(module: Module, name: str) -> str:
    """The module itself, where it assigns the name at its top."""
    return imports._dotted_path(module) if _assignment(module, name) else ""


def _assignment(module: Module, name: str) -> cst.Assign | None:
    for statement in module.tree.body:
        for small in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
            if isinstance(small, cst.Assign) and dotted(small.targets[0].target) == name:
                return small
    return None
