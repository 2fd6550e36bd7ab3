"""The statements that a database is asked, with values in place and how often each is asked."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from pglast import ast, parse_sql
from pglast.parser import ParseError
from pglast.visitors import Visitor

from unslow.lab.indexing._values import literal
from unslow.lab.indexing.catalogue import Catalogue, Connection
from unslow.lab.indexing.wants import Asked, asked
from unslow.lab.prove._traffic import Write
from unslow.lab.prove.flip import Statement
from unslow.observe._placeholders import filled
from unslow.observe._shape import fingerprint, shape

VARIANTS = 3  # values of one shape that are tried
MOST_SHAPES = 300  # those that take most time
EXPLAIN_TIMEOUT_MS = 10_000


@dataclass(frozen=True)
class Executed:
    """A statement as it came in. `ms` is the time of all `calls`, 0 when unknown; `parameters`
    are the literals of `$1`, `$2`, ..., None where it has to be guessed what they were."""

    sql: str
    calls: float = 1.0
    ms: float = 0.0
    parameters: tuple[str, ...] | None = ()


@dataclass(frozen=True)
class Question:
    """A statement whose cost counts. `relations` are the tables whose indexes may change it;
    `only_planned`: it writes, so that its plan is asked for and it is never executed."""

    read: Statement
    asked: Asked = field(hash=False, compare=False)
    tables: frozenset[str]  # as SQL writes them
    only_planned: bool

    @property
    def weight(self) -> float:
        return self.read.executions

    def may_use(self, table: str, columns: Sequence[str], held: frozenset[str]) -> bool:
        """Whether an index may change the plan: its first column is searched, joined or sorted by,
        or it holds all that is read of the table."""
        if table not in self.tables:
            return False
        own = [want for want in self.asked.wants if want.table.name == table]
        return not own or any(
            columns[0] in want.leading or (not want.whole and held >= want.used.keys())
            for want in own
        )


@dataclass
class Workload:
    questions: list[Question] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)  # shape: reason
    used: set[str] = field(default_factory=set)  # existing indexes in a plan


def workload(
    executed: Iterable[Executed], catalogue: Catalogue, connection: Connection
) -> Workload:
    """Group what came in by shape, and try each of its statements with the planner, unexecuted."""
    found = Workload()
    shapes: defaultdict[str, list[Executed]] = defaultdict(list)
    for one in executed:
        shapes[shape(one.sql)].append(one)
    ranked = sorted(shapes.items(), key=lambda one: -sum(each.ms or each.calls for each in one[1]))
    for number, (text, group) in enumerate(ranked):
        statement = _parsed(group[0].sql)
        if statement is None:
            found.left_out[text] = "PostgreSQL's parser does not take it"
        elif isinstance(statement, ast.TransactionStmt | ast.VariableSetStmt):
            continue
        elif number >= MOST_SHAPES:
            found.left_out[text] = f"{MOST_SHAPES} statements take more time"
        else:
            _add(found, text, group, statement, catalogue, connection)
    return found


def _add(
    found: Workload,
    text: str,
    group: Sequence[Executed],
    statement: ast.Node,
    catalogue: Catalogue,
    connection: Connection,
) -> None:
    calls = sum(one.calls for one in group)
    if isinstance(statement, ast.InsertStmt | ast.UpdateStmt):
        found.writes.append(_write(statement, calls, group))
    if isinstance(statement, ast.InsertStmt) or not isinstance(
        statement, ast.SelectStmt | ast.UpdateStmt | ast.DeleteStmt
    ):
        return
    calls_what = _Calls()
    calls_what(statement)
    if dangerous := calls_what.names & catalogue.volatile:
        found.left_out[text] = f"it calls {sorted(dangerous)[0]}(), which may do something"
        return
    asks = asked(statement, catalogue)
    variants = _variants(group, asks)
    if not variants:
        found.left_out[text] = "a value of it is not known and cannot be guessed"
        return
    only_planned = calls_what.writes or not isinstance(statement, ast.SelectStmt)
    for number, sql in enumerate(variants):
        plan = _plan(connection, sql)
        if isinstance(plan, str):
            found.left_out[text] = plan
            continue
        found.used.update(str(node["Index Name"]) for node in plan if "Index Name" in node)
        if tables := _tables(plan, catalogue):
            relations = frozenset(catalogue.named(name).relation for name in tables)
            read = Statement(
                f"{fingerprint(text)}.{number}", sql, text, calls / len(variants), relations
            )
            own = asks if number == 0 else asked(_parsed(sql) or statement, catalogue)
            found.questions.append(Question(read, own, tables, only_planned))


def _write(
    statement: ast.InsertStmt | ast.UpdateStmt, calls: float, group: Sequence[Executed]
) -> Write:
    targets = statement.cols if isinstance(statement, ast.InsertStmt) else statement.targetList
    rows = 1
    if isinstance(statement, ast.InsertStmt):
        lists = getattr(statement.selectStmt, "valuesLists", None)
        rows = len(lists) if lists else 1
    return Write(
        "insert" if isinstance(statement, ast.InsertStmt) else "update",
        str(statement.relation.relname) if statement.relation else "",
        tuple(str(target.name) for target in targets or ()),
        calls * rows,
        tuple(one.sql for one in group[:VARIANTS] if one.parameters == ()),
    )


def _variants(group: Sequence[Executed], asks: Asked) -> list[str]:
    """A few executions with different values, from the slowest to the quickest."""
    texts: dict[str, None] = {}
    for one in sorted(group, key=lambda one: -one.ms / max(one.calls, 1)):
        text = one.sql if one.parameters == () else _filled(one, asks)
        if text is not None:
            texts[text] = None
    distinct = list(texts)
    steps = min(VARIANTS, len(distinct))
    places = [round(step * (len(distinct) - 1) / max(steps - 1, 1)) for step in range(steps)]
    return [distinct[place] for place in dict.fromkeys(places)]


def _filled(one: Executed, asks: Asked) -> str | None:
    if one.parameters is not None:
        return filled(one.sql, one.parameters)
    last = max((*asks.parameters, *asks.limits), default=0)
    values = [literal(number, asks) for number in range(1, last + 1)]
    return None if None in values else filled(one.sql, [value or "" for value in values])


def _plan(connection: Connection, sql: str) -> list[dict[str, Any]] | str:
    """The nodes of a statement's plan; else why there is none."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("SET TRANSACTION READ ONLY")
            connection.execute(f"SET LOCAL statement_timeout = {EXPLAIN_TIMEOUT_MS}".encode())
            row = connection.execute(f"EXPLAIN (VERBOSE, FORMAT JSON) {sql}".encode()).fetchone()
    except psycopg.Error as error:
        return (str(error).strip().splitlines() or ["it cannot be planned"])[0]
    assert row is not None
    return list(_nodes(row[0][0]["Plan"]))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _tables(plan: Sequence[dict[str, Any]], catalogue: Catalogue) -> frozenset[str]:
    """The tables of the catalogue that a plan reads, those behind views too."""
    scanned = (
        catalogue.table(node["Relation Name"], node.get("Schema", ""))
        for node in plan
        if "Relation Name" in node
    )
    return frozenset(one.name for one in scanned if one is not None)


class _Calls(Visitor):
    """Collects the functions that a statement calls, and whether a part of it writes or locks."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.writes = False

    def visit_FuncCall(self, ancestors: object, node: ast.FuncCall) -> None:
        self.names.add(str(getattr((node.funcname or (None,))[-1], "sval", "")))

    def visit_InsertStmt(self, ancestors: object, node: ast.Node) -> None:
        self.writes = True

    visit_UpdateStmt = visit_DeleteStmt = visit_MergeStmt = visit_InsertStmt
    visit_LockingClause = visit_IntoClause = visit_InsertStmt


def _parsed(sql: str) -> ast.Node | None:
    try:
        found = parse_sql(sql)
    except ParseError:
        return None
    return found[0].stmt if len(found) == 1 else None
