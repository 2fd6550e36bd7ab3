"""The eager loads of a package's source: each can be switched off, or cut out of its file."""

import ast
import shutil
from dataclasses import dataclass
from pathlib import Path

METHODS = frozenset({"select_related", "prefetch_related"})
OPTIONS = frozenset({"joinedload", "selectinload", "subqueryload"})
HERE = Path(__file__).parent
SWITCH = "field_switch"


@dataclass(frozen=True)
class Mutation:
    """One eager load. Lines count from 1 and bound the whole chain that it stands in."""

    number: int
    path: str  # relative to the package's parent
    start: int  # bytes to cut out
    end: int
    line: int
    first_line: int
    last_line: int
    function: str
    text: str
    left: str = ""  # what stands there instead

    @property
    def key(self) -> str:
        return f"{self.path}:{self.line}:{self.start}"

    def cut(self, source: bytes) -> bytes:
        return source[: self.start] + self.left.encode() + source[self.end :]


def copy(package: Path, target: Path) -> None:
    """A copy whose sources may be changed; what is no source is shared with the original."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(
        package,
        target,
        copy_function=_copy_file,
        ignore=shutil.ignore_patterns("__pycache__"),
    )


def _copy_file(source: str, target: str) -> None:
    if source.endswith(".py"):
        shutil.copyfile(source, target)
    else:
        Path(target).hardlink_to(source)


def instrument(package: Path) -> list[Mutation]:
    """Find every eager load below `package`, and rewrite the files so that each has a switch."""
    shutil.copyfile(HERE / f"_{SWITCH}.py", package.parent / f"{SWITCH}.py")
    found: list[Mutation] = []
    for file in sorted(package.rglob("*.py")):
        source = file.read_bytes()
        if not any(name.encode() in source for name in METHODS | OPTIONS):
            continue
        visitor = _Visitor(source, file.relative_to(package.parent).as_posix(), len(found) + 1)
        tree = visitor.visit(ast.parse(source))
        if visitor.found:
            found += visitor.found
            _import_switch(tree)
            file.write_text(ast.unparse(ast.fix_missing_locations(tree)))
    return found


def _import_switch(tree: ast.Module) -> None:
    place = next((n for n, node in enumerate(tree.body) if not _comes_first(node)), 0)
    tree.body.insert(place, ast.Import([ast.alias(SWITCH)]))


def _comes_first(node: ast.stmt) -> bool:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_text or (isinstance(node, ast.ImportFrom) and node.module == "__future__")


class _Visitor(ast.NodeTransformer):
    def __init__(self, source: bytes, path: str, number: int) -> None:
        self.source, self.path, self.number = source, path, number
        self.found: list[Mutation] = []
        self.functions: list[str] = []
        self.chain: ast.expr | None = None
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self.functions.append(node.name)
        chain, self.chain = self.chain, None
        self.generic_visit(node)
        self.chain = chain
        self.functions.pop()
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.functions.append(node.name)
        self.generic_visit(node)
        self.functions.pop()
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Calls of one chain share its outermost expression; arguments begin their own."""
        outer = self.chain
        self.chain = chain = outer or node
        node.func = self.visit(node.func)
        self.chain = None
        arguments = list(node.args)
        node.args = [self.visit(argument) for argument in node.args]
        node.keywords = [self.visit(keyword) for keyword in node.keywords]
        self.chain = outer
        if isinstance(node.func, ast.Attribute):
            if node.func.attr in METHODS and node.args:
                return self._method(node, chain)
            if node.func.attr == "options":
                return self._options(node, arguments, chain)
        return node

    def _method(self, node: ast.Call, chain: ast.expr) -> ast.AST:
        assert isinstance(node.func, ast.Attribute)
        left = ".all()" if _is_manager(node.func.value) else ""
        number = self._add(self._end(node.func.value), self._end(node), chain, left)
        call = ast.parse(f"{SWITCH}.method({number}, 0, {node.func.attr!r})", mode="eval").body
        assert isinstance(call, ast.Call)
        call.args[1] = node.func.value
        call.args += node.args
        call.keywords = node.keywords
        return ast.copy_location(call, node)

    def _options(self, node: ast.Call, arguments: list[ast.expr], chain: ast.expr) -> ast.AST:
        assert isinstance(node.func, ast.Attribute)
        eager = [_is_eager(argument) for argument in arguments]
        if not any(eager) or any(isinstance(argument, ast.Starred) for argument in arguments):
            return node
        pairs: list[ast.expr] = []
        for place, visited in enumerate(node.args):
            number = 0
            if eager[place]:
                start, end = self._argument(node, arguments, place)
                number = self._add(start, end, chain)
            pairs.append(ast.Tuple([ast.Constant(number), visited], ast.Load()))
        kept = ast.parse(f"{SWITCH}.options()", mode="eval").body
        assert isinstance(kept, ast.Call)
        kept.args = pairs
        node.args = [ast.Starred(kept, ast.Load())]
        return node

    def _argument(self, node: ast.Call, arguments: list[ast.expr], place: int) -> tuple[int, int]:
        """The argument with the comma beside it; of an only one the whole call."""
        assert isinstance(node.func, ast.Attribute)
        if len(arguments) == 1:
            return self._end(node.func.value), self._end(node)
        if place:
            return self._end(arguments[place - 1]), self._end(arguments[place])
        return self._start(arguments[0]), self._start(arguments[1])

    def _add(self, start: int, end: int, chain: ast.expr, left: str = "") -> int:
        number = self.number + len(self.found)
        assert chain.end_lineno is not None
        start, end = self._with_parentheses(start), end
        self.found.append(
            Mutation(
                number,
                self.path,
                start,
                end,
                1 + self.source.count(b"\n", 0, start),
                chain.lineno,
                chain.end_lineno,
                ".".join(self.functions),
                " ".join(self.source[start:end].decode().split()),
                left,
            )
        )
        return number

    def _with_parentheses(self, start: int) -> int:
        """Behind the parentheses that close around a receiver, which its node leaves out."""
        place = start
        while self.source[place : place + 1].strip() in (b"", b")") and place < len(self.source):
            if self.source[place : place + 1] == b")":
                start = place + 1
            place += 1
        return start if self.source[place : place + 1] == b"." else min(start, place)

    def _start(self, node: ast.expr) -> int:
        return self.starts[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.expr) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.starts[node.end_lineno - 1] + node.end_col_offset


def _is_manager(node: ast.expr) -> bool:
    """Whether a queryset is made here: `Order.objects` and `event.orders` are none yet."""
    return isinstance(node, ast.Attribute)


def _is_eager(node: ast.expr) -> bool:
    """Whether the expression begins with an eager loading option."""
    while isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name):
            return node.func.id in OPTIONS
        if not isinstance(node.func, ast.Attribute):
            return False
        if isinstance(node.func.value, ast.Name):
            return node.func.attr in OPTIONS
        node = node.func.value
    return False
