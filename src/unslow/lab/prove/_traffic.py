"""The database's side of the traffic: which reads a round of it runs, and what it writes."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pglast import ast, parse_sql
from pglast.parser import ParseError
from pglast.visitors import Visitor

from unslow.lab.prove.flip import Statement
from unslow.model import Query, Request
from unslow.observe._placeholders import filled, numbered

VARIANTS = 3  # executions of one shape that are tried: the slowest, the median, the quickest
MOST_READS = 24  # statements per candidate, those that take most time first


@dataclass(frozen=True)
class Read:
    """A shape of read. `per_round` is how often a round of traffic runs it, by endpoint."""

    shape: str
    tables: frozenset[str]
    variants: tuple[Statement, ...]
    per_round: Mapping[str, float]
    ms: float

    def executed(self, often: float) -> Iterator[Statement]:
        """The variants, which share `often` executions."""
        for one in self.variants:
            each = often / len(self.variants)
            yield Statement(one.key, one.sql, one.shape, each, self.tables)


@dataclass(frozen=True)
class Write:
    """INSERTs or UPDATEs of one shape. `columns` are those set, `rows` is per round of traffic, of
    which `per_round` tells each endpoint's; `examples` are executions with their values in place.
    """

    kind: str
    table: str
    columns: tuple[str, ...]
    rows: float
    examples: tuple[str, ...] = ()
    per_round: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Traffic:
    """What the observed requests ask of PostgreSQL. `recorded`: their mix is that of real traffic,
    not a guess that sends every endpoint equally often.

    `request_ms` is what the requests of an endpoint take in a round of traffic, `others` are the
    statements that are neither reads nor writes that can be tried, by endpoint.
    """

    reads: tuple[Read, ...] = ()
    writes: tuple[Write, ...] = ()
    recorded: bool = False
    request_ms: Mapping[str, float] = field(default_factory=dict)
    others: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def reads_of(self, table: str, endpoints: Collection[str]) -> list[Statement]:
        """The statements of `endpoints` that read `table`, the costliest first."""
        return _statements(
            (read, sum(read.per_round.get(end, 0.0) for end in endpoints))
            for read in self.reads
            if table in read.tables
        )

    def reads_on(self, tables: Collection[str] | None) -> list[Statement]:
        """The statements of all endpoints that read one of `tables` (None: any)."""
        return _statements(
            (read, sum(read.per_round.values()))
            for read in self.reads
            if tables is None or not read.tables.isdisjoint(tables)
        )

    def writes_of(self, table: str) -> list[Write]:
        return [write for write in self.writes if write.table == table]

    def reads_by(self, endpoint: str, tables: Collection[str]) -> list[Statement]:
        """All statements of one endpoint that read one of `tables`."""
        return [
            one
            for read in self.reads
            if endpoint in read.per_round and not read.tables.isdisjoint(tables)
            for one in read.executed(read.per_round[endpoint])
        ]

    def rows_written(self, endpoint: str, tables: Collection[str]) -> dict[str, float]:
        """Rows that a round of traffic writes to `tables` for one endpoint, by kind of write."""
        found: defaultdict[str, float] = defaultdict(float)
        for write in self.writes:
            if write.table in tables and endpoint in write.per_round:
                found[write.kind] += write.per_round[endpoint]
        return dict(found)


def traffic(
    requests: Sequence[Request], weights: Mapping[str, float], *, recorded: bool = False
) -> Traffic:
    """Count the statements of `requests` in a round of traffic, in which an endpoint is asked as
    often as its weight says."""
    counted: defaultdict[str, int] = defaultdict(int)
    for request in requests:
        counted[request.endpoint] += 1
    by_shape: defaultdict[str, list[tuple[str, float, Query]]] = defaultdict(list)
    for request in requests:
        often = weights.get(request.endpoint, 1.0) / counted[request.endpoint]
        for query in request.queries:
            by_shape[query.fingerprint].append((request.endpoint, often, query))
    reads, writes, others = [], [], defaultdict(set)
    for executions in by_shape.values():
        match _counted(executions):
            case Read() as read:
                reads.append(read)
            case Write() as write:
                writes.append(write)
            case _:
                for endpoint, _, query in executions:
                    others[endpoint].add(query.shape)
    named = {endpoint: frozenset(shapes) for endpoint, shapes in others.items()}
    request_ms: defaultdict[str, float] = defaultdict(float)
    for request in requests:
        often = weights.get(request.endpoint, 1.0) / counted[request.endpoint]
        request_ms[request.endpoint] += often * request.duration_ms
    return Traffic(tuple(reads), tuple(writes), recorded, request_ms, named)


def _statements(reads: Iterable[tuple[Read, float]]) -> list[Statement]:
    chosen = [(read, often) for read, often in reads if often > 0]
    chosen.sort(key=lambda one: -one[0].ms * one[1])
    statements = [one for read, often in chosen for one in read.executed(often)]
    return statements[:MOST_READS]


def parsed(sql: str) -> ast.Node | None:
    """The one statement that `sql` is; None for several, or for what PostgreSQL cannot read."""
    try:
        found = parse_sql(numbered(sql))
    except ParseError:
        return None
    return found[0].stmt if len(found) == 1 else None


def _counted(executions: Sequence[tuple[str, float, Query]]) -> Read | Write | None:
    statement = parsed(executions[0][2].sql)
    if isinstance(statement, ast.SelectStmt):
        return _read(statement, executions)
    if isinstance(statement, ast.InsertStmt):
        return _write("insert", statement, statement.cols, executions)
    if isinstance(statement, ast.UpdateStmt):
        return _write("update", statement, statement.targetList, executions)
    return None


def _read(statement: ast.SelectStmt, executions: Sequence[tuple[str, float, Query]]) -> Read | None:
    query = executions[0][2]
    per_round: defaultdict[str, float] = defaultdict(float)
    for endpoint, often, _ in executions:
        per_round[endpoint] += often
    variants = tuple(
        Statement(f"{query.fingerprint}.{number}", sql, query.shape)
        for number, sql in enumerate(_spread([one for _, _, one in executions]))
    )
    if not variants or _writes(statement):
        return None
    mean_ms = sum(one.duration_ms for _, _, one in executions) / len(executions)
    return Read(query.shape, frozenset(_tables(statement)), variants, dict(per_round), mean_ms)


def _write(
    kind: str,
    statement: ast.InsertStmt | ast.UpdateStmt,
    targets: Iterable[ast.ResTarget] | None,
    executions: Sequence[tuple[str, float, Query]],
) -> Write:
    rows: defaultdict[str, float] = defaultdict(float)
    for endpoint, often, query in executions:
        rows[endpoint] += often * (1 if query.rows is None else query.rows)
    return Write(
        kind,
        str(statement.relation.relname) if statement.relation else "",
        tuple(str(target.name) for target in targets or ()),
        sum(rows.values()),
        tuple(_spread([one for _, _, one in executions])),
        dict(rows),
    )


def _spread(queries: Sequence[Query]) -> Iterator[str]:
    """A few executions with different values, from the slowest to the quickest."""
    texts: dict[str, None] = {}
    for query in sorted(queries, key=lambda one: -one.duration_ms):
        text = filled(query.sql, query.parameters)
        if text is not None:
            texts[text] = None
    distinct = list(texts)
    last = len(distinct) - 1
    steps = min(VARIANTS, len(distinct))
    places = [round(step * last / max(steps - 1, 1)) for step in range(steps)]
    yield from (distinct[place] for place in dict.fromkeys(places))


class _Relations(Visitor):
    """Collects the tables that a statement names, and whether a part of it writes."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.writes = False

    def visit_RangeVar(self, ancestors: object, node: ast.RangeVar) -> None:
        self.names.append(str(node.relname))

    def visit_InsertStmt(self, ancestors: object, node: ast.Node) -> None:
        self.writes = True

    visit_UpdateStmt = visit_DeleteStmt = visit_MergeStmt = visit_InsertStmt
    visit_LockingClause = visit_IntoClause = visit_InsertStmt


def _tables(statement: ast.Node) -> list[str]:
    visitor = _Relations()
    visitor(statement)
    return visitor.names


def _writes(statement: ast.Node) -> bool:
    visitor = _Relations()
    visitor(statement)
    return visitor.writes
