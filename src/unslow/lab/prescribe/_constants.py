"""Moves an expression to another place: one that has the same value for every row."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe._chains import dotted
from unslow.lab.prescribe._imports import Imports, origin_of
from unslow.lab.prescribe._locals import assigned
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source

LITERALS = cst.SimpleString | cst.Integer | cst.Float | cst.Imaginary
COMPOUND = cst.Tuple | cst.List | cst.Set | cst.UnaryOperation | cst.BinaryOperation
CONDITIONS = frozenset({"Q", "F", "models.Q", "models.F"})
CLOCKED = ("django.utils", "datetime")
KEYWORDS = frozenset({"None", "True", "False"})


@dataclass(frozen=True)
class Mover:
    """Renders expressions of `module` for the place that `imports` serves.

    `outer` renders an attribute of the row (`self.start`), or gives None where it cannot.
    """

    module: Module
    source: Source
    imports: Imports
    owner: str
    outer: Callable[[str], str | None]

    def move(self, node: cst.BaseExpression, depth: int = 0) -> str | None:
        """The expression's text at the new place; None unless its value is certainly the same."""
        if isinstance(node, LITERALS):
            return self.module.text(node)
        if isinstance(node, cst.Name | cst.Attribute):
            return self._name(node, depth)
        if isinstance(node, cst.Call):
            return self._call(node, depth)
        if isinstance(node, COMPOUND):
            return self._compound(node, depth)
        return None

    def args(self, call: cst.Call) -> tuple[str, ...] | None:
        """The arguments of a call, moved."""
        texts = []
        for arg in call.args:
            text = None if arg.star else self.move(arg.value)
            if text is None:
                return None
            texts.append(f"{arg.keyword.value}={text}" if arg.keyword else text)
        return tuple(texts)

    def package(self, name: str) -> str | None:
        """What the name is imported from, at the module's level."""
        found = origin_of(self.module, name)
        return found and self.source.import_name(found)

    def _name(self, node: cst.Name | cst.Attribute, depth: int) -> str | None:
        name = dotted(node)
        if name in KEYWORDS:
            return name
        root, _, rest = name.partition(".")
        if root == self.owner.partition(".")[0]:
            attribute = name.removeprefix(f"{self.owner}.")
            return self.outer(attribute) if "." not in attribute and attribute != name else None
        package = self.package(root)
        if package is not None:
            bound = self.imports.name(package, root)
            return bound and (f"{bound}.{rest}" if rest else bound)
        if isinstance(node, cst.Name) and depth < 5:
            value = assigned(self.module, node)
            moved = self.move(value, depth + 1) if value else None
            simple = not isinstance(value, cst.BinaryOperation | cst.UnaryOperation)
            return moved if moved is None or simple else f"({moved})"
        return None

    def _call(self, node: cst.Call, depth: int) -> str | None:
        name = dotted(node.func)
        package = self.package(name.partition(".")[0])
        timed = package is not None and package.startswith(CLOCKED)
        if not name or (name not in CONDITIONS and not timed):
            return None
        if timed and self.imports.offset is not None:
            return None  # a class-level queryset would keep the time of the import
        head = self.move(node.func, depth)
        args = self.args(node)
        return None if head is None or args is None else f"{head}({', '.join(args)})"

    def _compound(self, node: cst.BaseExpression, depth: int) -> str | None:
        """The text of the node with each operand moved, on one line."""
        parts: list[str] = []
        position = self.module.start(node)
        for child in _operands(node):
            moved = self.move(child, depth)
            if moved is None:
                return None
            parts += [self._between(position, self.module.start(child)), moved]
            position = self.module.end(child)
        parts.append(self._between(position, self.module.end(node)))
        return None if any("#" in part for part in parts[::2]) else "".join(parts)

    def _between(self, start: int, end: int) -> str:
        return re.sub(r"\s*\n\s*", " ", self.module.content[start:end].decode())


def _operands(node: cst.BaseExpression) -> list[cst.BaseExpression]:
    if isinstance(node, cst.UnaryOperation):
        return [node.expression]
    if isinstance(node, cst.BinaryOperation):
        return [node.left, node.right]
    assert isinstance(node, cst.Tuple | cst.List | cst.Set)
    return [element.value for element in node.elements]
