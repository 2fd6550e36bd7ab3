"""What the detectors of waiting share: the source around a site, and what a wait costs."""

import ast
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from msgspec.structs import replace

from unslow.model import Cost, HttpCall, Request, Site, Trace
from unslow.rules.expressions import innermost

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Read = Callable[[str], bytes]


@dataclass
class Sources:
    """The application's files as syntax trees, each parsed once."""

    read: Read
    _trees: dict[str, ast.Module | None] = field(default_factory=dict)
    _parents: dict[str, dict[ast.AST, ast.AST]] = field(default_factory=dict)
    _expressions: dict[str, list[ast.expr]] = field(default_factory=dict)
    _found: dict[Site, ast.expr | None] = field(default_factory=dict)  # a request repeats few

    def tree(self, path: str) -> ast.Module | None:
        if path not in self._trees:
            try:
                self._trees[path] = ast.parse(self.read(path))
            except (OSError, SyntaxError, ValueError):
                self._trees[path] = None
        return self._trees[path]

    def expression(self, site: Site) -> ast.expr | None:
        """The smallest expression around the site; a suspended call is its `await`."""
        if site not in self._found:
            self._found[site] = innermost(self._all(site.path), site)
        return self._found[site]

    def _all(self, path: str) -> list[ast.expr]:
        if path not in self._expressions:
            nodes = ast.walk(self.tree(path) or ast.Module([], []))
            self._expressions[path] = [node for node in nodes if isinstance(node, ast.expr)]
        return self._expressions[path]

    def around(self, path: str, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around `node`, innermost first."""
        if path not in self._parents:
            tree = self.tree(path)
            self._parents[path] = {
                child: parent
                for parent in (ast.walk(tree) if tree else ())
                for child in ast.iter_child_nodes(parent)
            }
        parents = self._parents[path]
        at = parents.get(node)
        while at is not None:
            yield at
            at = parents.get(at)

    def function(self, path: str, node: ast.AST) -> Function | None:
        """The function whose own code `node` is."""
        around = self.around(path, node)
        return next((one for one in around if isinstance(one, Function)), None)

    def imported(self, path: str, node: ast.expr) -> str:
        """The dotted name that an expression stands for by its module's imports, or ""."""
        name = dotted(node)
        first, _, rest = name.partition(".")
        for one in ast.walk(self.tree(path) or ast.Module([], [])):
            if isinstance(one, ast.Import | ast.ImportFrom):
                package = f"{one.module}." if isinstance(one, ast.ImportFrom) else ""
                for alias in one.names:
                    if (alias.asname or alias.name).partition(".")[0] == first:
                        whole = alias.name if alias.asname or package else first
                        return f"{package}{whole}.{rest}".rstrip(".")
        return ""


def dotted(node: ast.expr) -> str:
    """`a.b.c` of names and attributes, or ""."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := dotted(node.value)):
        return f"{owner}.{node.attr}"
    return ""


def site_of(site: Site, node: ast.expr | ast.stmt) -> Site:
    """The place of `node` in the file and function of `site`."""
    return replace(
        site,
        line=node.lineno,
        end_line=node.end_lineno or node.lineno,
        column=node.col_offset,
        end_column=node.end_col_offset or 0,
    )


def is_usual(trace: Trace, seen: Iterable[Request], endpoint: str) -> bool:
    """Whether at least half of the endpoint's requests do it: the first one's imports and
    connections are not its habit."""
    asked = sum(request.endpoint == endpoint for request in trace.requests)
    doing = {request.id for request in seen if request.endpoint == endpoint}
    return 2 * len(doing) >= asked


def cost(trace: Trace, ms: Mapping[str, float], calls: float = 0.0) -> Cost:
    """What waiting of `ms` in the median request of each endpoint costs."""
    counts = Counter(request.endpoint for request in trace.requests)
    total = sum(request.duration_ms for request in trace.requests)
    waited = sum(counts[endpoint] * one for endpoint, one in ms.items())
    asked = sum(counts[endpoint] for endpoint in ms) or 1
    share = round(min(1.0, waited / total), 4) if total else 0.0
    return Cost(calls, round(waited / asked, 3), share)


def medians(trace: Trace, found: Sequence[tuple[Request, float]]) -> dict[str, float]:
    """The median milliseconds of each endpoint whose requests usually wait, most first."""
    by_endpoint: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for request, ms in found:
        by_endpoint[request.endpoint][request.id] += ms
    seen = [request for request, _ in found]
    usual = {
        endpoint: median(values.values())
        for endpoint, values in by_endpoint.items()
        if is_usual(trace, seen, endpoint)
    }
    return dict(sorted(usual.items(), key=lambda one: (-one[1], one[0])))


def grouped(
    found: Iterable[tuple[Hashable, Request, float]],
) -> dict[Hashable, list[tuple[Request, float]]]:
    groups: defaultdict[Hashable, list[tuple[Request, float]]] = defaultdict(list)
    for key, request, ms in found:
        groups[key].append((request, ms))
    return groups


def named(call: HttpCall) -> str:
    """`GET rates.example/rates/*`."""
    return f"{call.method} {call.host}{call.path}"
