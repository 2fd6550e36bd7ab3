"""Whole expressions: what a recorded position means in the text of its file."""

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from msgspec.structs import replace

from unslow.model import Site


@dataclass
class Expressions:
    """Widens sites to the expressions that they stand for, reading each file once.

    CPython starts a call that follows a line break at the method's name, and names a suspended
    call with its `await`.
    """

    read: Callable[[str], bytes]
    _files: dict[str, list[ast.expr]] = field(default_factory=dict)

    def whole(self, site: Site) -> Site:
        """The site of the smallest expression around `site`, without `await`."""
        if (site.line, site.column) == (site.end_line, site.end_column):
            return site
        node = innermost(self._expressions(site.path), site)
        if node is None:
            return site
        if isinstance(node, ast.Await):
            node = node.value
        return replace(
            site,
            line=node.lineno,
            end_line=node.end_lineno or node.lineno,
            column=node.col_offset,
            end_column=node.end_col_offset or 0,
        )

    def _expressions(self, path: str) -> list[ast.expr]:
        if path not in self._files:
            try:
                tree = ast.parse(self.read(path))
            except (OSError, SyntaxError, ValueError):
                self._files[path] = []
            else:
                self._files[path] = [n for n in ast.walk(tree) if isinstance(n, ast.expr)]
        return self._files[path]


def innermost(expressions: Iterable[ast.expr], site: Site) -> ast.expr | None:
    """The smallest of the expressions around the site."""
    return min((one for one in expressions if _encloses(one, site)), key=_length, default=None)


def _encloses(node: ast.expr, site: Site) -> bool:
    start, end = (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)
    return start <= (site.line, site.column) and end >= (site.end_line, site.end_column)


def _length(node: ast.expr) -> tuple[int, int]:
    lines = (node.end_lineno or 0) - node.lineno
    return lines, (node.end_col_offset or 0) - node.col_offset
