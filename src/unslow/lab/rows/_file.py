"""A parsed file: which expression stands at a site, what is around it, and its text."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from unslow.model import Site, TextEdit

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef | ast.Module


@dataclass(frozen=True)
class File:
    """Nodes with their parents; offsets are of UTF-8 bytes, as `ast` and sites count them."""

    path: str
    content: bytes
    tree: ast.Module
    parents: dict[ast.AST, ast.AST]
    lines: tuple[int, ...]

    @classmethod
    def parse(cls, path: str, content: bytes) -> "File | None":
        """None for what is not Python that this interpreter reads."""
        try:
            tree = ast.parse(content)
        except (SyntaxError, ValueError):
            return None
        parents = {below: node for node in ast.walk(tree) for below in ast.iter_child_nodes(node)}
        lines, offset = [0], 0
        for line in content.splitlines(keepends=True):
            offset += len(line)
            lines.append(offset)
        return cls(path, content, tree, parents, tuple(lines))

    def at(self, site: Site) -> ast.expr | None:
        """The smallest expression around `site`, without its `await`."""
        start, end = (site.line, site.column), (site.end_line, site.end_column)
        around = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.expr)
            and (node.lineno, node.col_offset) <= start
            and (node.end_lineno or 0, node.end_col_offset or 0) >= end
        ]
        if not around or start == end:
            return None
        node = min(around, key=lambda one: self.end(one) - self.start(one))
        return node.value if isinstance(node, ast.Await) else node

    def site(self, node: ast.expr | ast.stmt) -> Site:
        scope = self.scope(node)
        return Site(
            self.path,
            node.lineno,
            node.end_lineno or node.lineno,
            node.col_offset,
            node.end_col_offset or 0,
            getattr(scope, "name", "<module>"),
        )

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self.lines[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt) -> int:
        return self.lines[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)

    def text(self, node: ast.expr | ast.stmt) -> str:
        return self.content[self.start(node) : self.end(node)].decode()

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around `node`, innermost first."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def scope(self, node: ast.AST) -> Scope:
        """The function, class or module whose own code `node` is."""
        for parent in self.around(node):
            if isinstance(parent, Scope):
                return parent
        return self.tree

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """The statement that `node` is part of."""
        if isinstance(node, ast.stmt):
            return node
        return next((one for one in self.around(node) if isinstance(one, ast.stmt)), None)

    def indent(self, node: ast.expr | ast.stmt) -> str:
        """The white space that starts the line of `node`."""
        line = self.content[self.lines[node.lineno - 1] :]
        return line[: len(line) - len(line.lstrip(b" \t"))].decode()

    def parenthesised(self, node: ast.expr) -> tuple[int, int]:
        """Start and end of `node` with the parentheses that are its own."""
        start, end = self.start(node), self.end(node)
        while True:
            before = self.content[:start].rstrip()
            after = self.content[end:]
            gap = len(after) - len(after.lstrip())
            parent = self.parents.get(node)
            inside = isinstance(parent, ast.Call) and len(before) <= self.end(parent.func) + 1
            if not before.endswith(b"(") or after[gap : gap + 1] != b")" or inside:
                return start, end
            start, end = len(before) - 1, end + gap + 1

    def replace(self, node: ast.expr | ast.stmt, text: str) -> TextEdit:
        return TextEdit(self.path, self.start(node), self.end(node), text)

    def insert(self, offset: int, text: str) -> TextEdit:
        return TextEdit(self.path, offset, offset, text)

    def delete(self, start: int, end: int) -> TextEdit:
        return TextEdit(self.path, start, end, "")


@dataclass
class Files:
    """Reads and parses each file once. `read` raises `OSError`."""

    read: Callable[[str], bytes]
    _files: dict[str, File | None] = field(default_factory=dict)

    def file(self, path: str) -> File | None:
        if path not in self._files:
            try:
                self._files[path] = File.parse(path, self.read(path))
            except OSError:
                self._files[path] = None
        return self._files[path]
