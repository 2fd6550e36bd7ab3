"""Which function a line of a file stands in, named as Python names it while it runs."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Functions:
    """Finds functions by line, reading each file once."""

    read: Callable[[str], bytes]
    _files: dict[str, tuple[tuple[int, int, str], ...]] = field(default_factory=dict)

    def around(self, path: str, line: int) -> str:
        """The qualified name of the innermost function (`OrderList.get`), or ""."""
        if path not in self._files:
            try:
                tree = ast.parse(self.read(path))
            except (OSError, SyntaxError, ValueError):
                self._files[path] = ()
            else:
                self._files[path] = tuple(_functions(tree, ""))
        fitting = [one for one in self._files[path] if one[0] <= line <= one[1]]
        return max(fitting)[2] if fitting else ""


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[int, int, str]]:
    for child in ast.iter_child_nodes(node):
        inner = prefix
        if isinstance(child, ast.ClassDef):
            inner = f"{prefix}{child.name}."
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([child.lineno, *(one.lineno for one in child.decorator_list)])
            yield first, child.end_lineno or child.lineno, f"{prefix}{child.name}"
            inner = f"{prefix}{child.name}.<locals>."
        yield from _functions(child, inner)
