"""One parsed Python file: which node stands at a site, where a node lies, what encloses it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import libcst as cst
from libcst.metadata import (
    ByteSpanPositionProvider,
    CodeSpan,
    MetadataWrapper,
    ParentNodeProvider,
)

from unslow.model import Site, TextEdit

Node = TypeVar("Node", bound=cst.CSTNode)


@dataclass(frozen=True)
class Module:
    """A file's tree with the byte span and the parent of each node."""

    path: str
    content: bytes
    tree: cst.Module
    spans: Mapping[cst.CSTNode, CodeSpan]
    parents: Mapping[cst.CSTNode, cst.CSTNode]
    own: frozenset[str] = frozenset()  # the project's packages, as they are imported

    @classmethod
    def parse(cls, path: str, content: bytes, own: frozenset[str] = frozenset()) -> "Module":
        """Raises `libcst.ParserSyntaxError`, and `UnicodeDecodeError` for other encodings."""
        content.decode("utf-8")
        wrapper = MetadataWrapper(cst.parse_module(content), unsafe_skip_copy=True)
        return cls(
            path,
            content,
            wrapper.module,
            wrapper.resolve(ByteSpanPositionProvider),
            wrapper.resolve(ParentNodeProvider),
            own,
        )

    def start(self, node: cst.CSTNode) -> int:
        return self.spans[node].start

    def end(self, node: cst.CSTNode) -> int:
        span = self.spans[node]
        return span.start + span.length

    def text(self, node: cst.CSTNode) -> str:
        return self.content[self.start(node) : self.end(node)].decode()

    def offset(self, line: int, column: int) -> int:
        """The byte offset of a 1-based line and a 0-based UTF-8 column."""
        position = 0
        for _ in range(line - 1):
            position = self.content.index(b"\n", position) + 1
        return position + column

    def indent(self, offset: int) -> str:
        """The white space that starts the line of `offset`."""
        line = self.content[self.content.rfind(b"\n", 0, offset) + 1 :]
        return line[: len(line) - len(line.lstrip(b" \t"))].decode()

    def line_length(self, node: cst.CSTNode) -> int:
        """The characters of the line in which `node` starts, or of its whole lines."""
        start = self.content.rfind(b"\n", 0, self.start(node)) + 1
        end = self.content.find(b"\n", self.end(node))
        return len(self.content[start : end if end >= 0 else None].decode())

    def at(self, site: Site) -> cst.BaseExpression | None:
        """The expression that spans exactly `site`, else the smallest one that encloses it."""
        try:
            start = self.offset(site.line, site.column)
            end = self.offset(site.end_line, site.end_column)
        except ValueError:
            return None
        enclosing = [
            node
            for node, span in self.spans.items()
            if isinstance(node, cst.BaseExpression)
            and span.start <= start
            and end <= span.start + span.length
            and span.length
        ]
        return min(enclosing, key=lambda node: self.spans[node].length, default=None)

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes around `node`, innermost first, the module last."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def enclosing(self, node: cst.CSTNode, kind: type[Node]) -> Node | None:
        """The nearest `kind` around `node`."""
        return next((n for n in self.ancestors(node) if isinstance(n, kind)), None)

    def nodes(self, kind: type[Node]) -> Iterator[Node]:
        """All nodes of a kind, in no particular order."""
        return (node for node in self.spans if isinstance(node, kind))

    def insert(self, offset: int, text: str) -> TextEdit:
        return TextEdit(self.path, offset, offset, text)

    def replace(self, node: cst.CSTNode, text: str) -> TextEdit:
        return TextEdit(self.path, self.start(node), self.end(node), text)

    def without_line(self, node: cst.CSTNode) -> TextEdit:
        """Delete the lines of a statement that stands alone on them."""
        start = self.content.rfind(b"\n", 0, self.start(node)) + 1
        end = self.content.find(b"\n", self.end(node))
        return TextEdit(self.path, start, end + 1 if end >= 0 else len(self.content), "")
