"""Makes a name available in a module: found, added to an import that is there, or imported."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import libcst as cst

from unslow.lab.prescribe._chains import dotted
from unslow.lab.prescribe._locals import bound_names
from unslow.lab.prescribe._module import Module
from unslow.model import TextEdit

LOCAL = (cst.AssignTarget, cst.AnnAssign, cst.For, cst.CompFor, cst.NamedExpr)


@dataclass
class Imports:
    """The names that new code at `offset` of a module needs (None: in a function)."""

    module: Module
    offset: int | None = None
    missing: dict[str, set[str]] = field(default_factory=dict)

    def name(self, package: str, name: str) -> str | None:
        """How code writes `name` of `package`, which is imported by `edits` where it is missing.

        None when the module uses the name for something else, a function's own variable included,
        or defines it after `offset`.
        """
        found = _bound(self.module, package, name)
        if (found or name).partition(".")[0] in _of_functions(self.module.tree):
            return None
        if found is not None:
            return found
        defined = _definition(self.module, name)
        if defined is not None:
            own = _same(_dotted_path(self.module), package)
            early = self.offset is None or self.module.end(defined) < self.offset
            return name if own and early else None
        self.missing.setdefault(package, set()).add(name)
        return name

    def edits(self) -> list[TextEdit]:
        """What makes the missing names available, one edit for each addition."""
        return [
            edit
            for package, names in sorted(self.missing.items())
            for edit in _added(self.module, package, sorted(names))
        ]


@lru_cache(maxsize=64)
def _of_functions(tree: cst.Module) -> frozenset[str]:
    """What the module's functions call their arguments and variables."""
    found: set[str] = set()
    stack: list[tuple[cst.CSTNode, bool]] = [(tree, False)]
    while stack:
        node, inside = stack.pop()
        if isinstance(node, cst.Param):
            found.add(node.name.value)
        elif inside and isinstance(node, LOCAL):
            found |= bound_names(node.target)
        elif inside and isinstance(node, cst.AsName):
            found |= bound_names(node.name)
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            inside = isinstance(node, cst.FunctionDef)
        stack += [(child, inside) for child in node.children]
    return frozenset(found)


def _added(module: Module, package: str, names: Sequence[str]) -> list[TextEdit]:
    statement = next((s for s in _imports(module) if _is_from(module, s, package)), None)
    if statement is not None:
        return [_extend(module, statement, name) for name in names]
    return [_new(module, f"from {package} import {', '.join(names)}", package)]


def _bound(module: Module, package: str, name: str) -> str | None:
    """The name as an import binds it now; `models.Prefetch` where `models` is there."""
    parent, _, last = package.rpartition(".")
    for statement in _imports(module):
        if isinstance(statement, cst.ImportFrom) and not isinstance(
            statement.names, cst.ImportStar
        ):
            for alias in statement.names:
                target = alias.evaluated_name
                bound = alias.evaluated_alias or target
                if target == name and _reaches(module, statement, package):
                    return bound
                whole = _absolute(module, statement) == parent and target == last
                if whole and package == "django.db.models" and not _has_from(module, package):
                    return f"{bound}.{name}"
    return None


def _reaches(module: Module, statement: cst.ImportFrom, package: str) -> bool:
    """Whether the import is of `package`, or of one that may re-export it."""
    origin = _absolute(module, statement)
    return _same(origin, package) or _same(origin, package.rpartition(".")[0])


def _definition(module: Module, name: str) -> cst.CSTNode | None:
    """What gives the name another meaning at the top level."""
    for statement in module.tree.body:
        if isinstance(statement, cst.ClassDef | cst.FunctionDef):
            if statement.name.value == name:
                return statement
        elif name in _assigned(statement):
            return statement
    return None


def _assigned(statement: cst.BaseStatement | cst.SimpleStatementLine) -> Iterator[str]:
    if not isinstance(statement, cst.SimpleStatementLine):
        return
    for small in statement.body:
        if isinstance(small, cst.Assign):
            yield from (dotted(target.target) for target in small.targets)
        elif isinstance(small, cst.AnnAssign):
            yield dotted(small.target)
        elif isinstance(small, cst.Import | cst.ImportFrom) and not isinstance(
            small.names, cst.ImportStar
        ):
            yield from (alias.evaluated_alias or alias.evaluated_name for alias in small.names)


def _imports(module: Module) -> Iterator[cst.ImportFrom | cst.Import]:
    for statement in module.tree.body:
        if isinstance(statement, cst.SimpleStatementLine):
            for small in statement.body:
                if isinstance(small, cst.ImportFrom | cst.Import):
                    yield small


def _has_from(module: Module, package: str) -> bool:
    return any(_is_from(module, statement, package) for statement in _imports(module))


def _is_from(module: Module, statement: cst.ImportFrom | cst.Import, package: str) -> bool:
    return (
        isinstance(statement, cst.ImportFrom)
        and not isinstance(statement.names, cst.ImportStar)
        and _same(_absolute(module, statement), package)
    )


def _absolute(module: Module, statement: cst.ImportFrom) -> str:
    """The module that the statement imports from, relative ones resolved by the file's path."""
    name = dotted(statement.module) if statement.module else ""
    level = len(statement.relative)
    if not level:
        return name
    parts = module.path.removesuffix(".py").split("/")[:-level]
    return ".".join([*parts, name] if name else parts)


def _dotted_path(module: Module) -> str:
    return module.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _same(name: str, package: str) -> bool:
    """Equal, but for folders above the import root (`src.shop.models` and `shop.models`)."""
    return name == package or (bool(package) and name.endswith(f".{package}"))


def _extend(module: Module, statement: cst.ImportFrom | cst.Import, name: str) -> TextEdit:
    assert not isinstance(statement.names, cst.ImportStar)
    aliases = list(statement.names)
    for before, alias in zip([None, *aliases], aliases, strict=False):
        if alias.evaluated_name > name and (before is None or before.evaluated_name < name):
            return module.insert(module.start(alias), f"{name},{_gap(module, alias)}")
    last = aliases[-1]
    return module.insert(module.end(last.asname or last.name), f",{_gap(module, last)}{name}")


def _gap(module: Module, alias: cst.ImportAlias) -> str:
    """A blank, or the break and indentation of an import with one name a line."""
    before = module.content[: module.start(alias)]
    lead = before[len(before.rstrip()) :].decode()
    return "\n" + lead.rpartition("\n")[2] if "\n" in lead else " "


def _new(module: Module, text: str, package: str) -> TextEdit:
    """A new statement after the imports that it belongs to."""
    lines = [s for s in module.tree.body if _is_import(s)]
    group = _group(module, package)
    own = [s for s in lines if _group(module, _package(s)) == group]
    plain_first = _are_plain_first(own)
    earlier = [s for s in own if _package(s) < package or (plain_first and _is_plain(s))]
    if earlier:
        return _after(module, earlier[-1], f"{text}\n")
    if own:
        return module.insert(module.start(own[0]), f"{text}\n")
    after = next((s for s in lines if _group(module, _package(s)) > group), None)
    if after is not None:
        return module.insert(module.start(after), f"{text}\n\n")
    if lines:
        return _after(module, lines[-1], f"\n{text}\n")
    return module.insert(_start(module), f"{text}\n\n")


def _are_plain_first(statements: Sequence[cst.CSTNode]) -> bool:
    """Whether `import x` precedes every `from x import y`, as isort has it by default."""
    kinds = [not _is_plain(statement) for statement in statements]
    return kinds == sorted(kinds)


def _is_plain(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and isinstance(
        statement.body[0], cst.Import
    )


def _group(module: Module, package: str) -> int:
    """Standard library, third parties, the application itself, relative imports."""
    root = package.partition(".")[0]
    if package == "__future__":
        return -1
    if not root:
        return 3
    if root in sys.stdlib_module_names:
        return 0
    return 2 if root == module.path.partition("/")[0] or root in module.own else 1


def _after(module: Module, statement: cst.CSTNode, text: str) -> TextEdit:
    end = module.content.find(b"\n", module.end(statement))
    if end < 0:
        return module.insert(len(module.content), f"\n{text}")
    return module.insert(end + 1, text)


def _is_import(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and any(
        isinstance(small, cst.ImportFrom | cst.Import) for small in statement.body
    )


def _package(statement: cst.CSTNode) -> str:
    """The module that an absolute import statement names first."""
    assert isinstance(statement, cst.SimpleStatementLine)
    small = statement.body[0]
    if isinstance(small, cst.Import):
        return small.names[0].evaluated_name
    if isinstance(small, cst.ImportFrom) and not small.relative and small.module:
        return dotted(small.module)
    return ""


def _start(module: Module) -> int:
    """After the module's docstring, else at its first statement."""
    body = module.tree.body
    if not body:
        return len(module.content)
    if module.tree.get_docstring() is not None:
        end = module.content.find(b"\n", module.end(body[0]))
        return end + 1 if end >= 0 else len(module.content)
    return module.start(body[0])


def origin_of(module: Module, name: str) -> str | None:
    """The package that `from package import name` takes `name` from here.

    For a class or constant of the module itself, the module. None for any other name.
    """
    for statement in _imports(module):
        if isinstance(statement, cst.ImportFrom) and not isinstance(
            statement.names, cst.ImportStar
        ):
            for alias in statement.names:
                if alias.evaluated_name == name and alias.asname is None:
                    return _absolute(module, statement)
    defined = _definition(module, name)
    if isinstance(defined, cst.ClassDef) or (defined is not None and name.isupper()):
        return _dotted_path(module)
    return None
