"""From scans that want an index to findings: one per index, over all statements that want it."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose._scans import Scan
from unslow.lab.diagnose._statements import Condition, Order
from unslow.model import Finding, IndexEvidence, Model, Query, Request, Site, Table, Trace
from unslow.model.finding import Confidence
from unslow.rules.causes import shared_sites, statement_site

MAX_EQUALITY = 3  # columns; a fourth rarely narrows further and every one costs on write
RANGE_SHARE = 1 / 3  # of rows in an open range: PostgreSQL's default when it knows nothing
MAX_CONSTANT_VALUES = 20  # distinct values of a column whose constant is worth a partial index
MIN_READ = 5000  # rows per request; PostgreSQL reads as many in a third of a millisecond
MAX_COVERED = 3  # columns that an index holds for reading alone; each makes every entry larger
MIN_COVERED_ROWS = 500  # of one execution; for fewer, fetching the rows costs next to nothing
NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double")
NARROW = (*NUMBERS, "boolean", "date", "timestamp", "time", "uuid")
MIN_EXECUTIONS = 2  # that agree on a value before it counts as constant


@dataclass(frozen=True)
class Need:
    """The index that one scan wants, and what the scan costs: a share of its statement's time."""

    scan: Scan
    equality: tuple[Condition, ...]
    ranges: tuple[str, ...]
    order: tuple[Order, ...]
    share: float
    used: int
    confidence: Confidence
    predicate: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The index's columns in order, `-` where the first of the order goes the other way.

        An index is read in either direction.
        """
        equal = tuple(one.key for one in self.equality)
        first = self.order[0].descending if self.order else False
        ordered = tuple(f"{'-' * (one.descending != first)}{one.column}" for one in self.order)
        return (*equal, *(ordered or self.ranges[:1]))


Execution = tuple[Request, Query]
Title = Callable[[str, Need], str]


def equalities(table: Table, conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """Conditions that one value satisfies, by column, the column with most values first."""
    kept: dict[str, Condition] = {}
    for one in conditions:
        if one.role != "range":
            kept.setdefault(one.key, one)
    ordered = sorted(kept.values(), key=lambda one: -distinct(table, one.column))
    return tuple(ordered[:MAX_EQUALITY])


def distinct(table: Table, column: str) -> float:
    """How many values the column has, 0 when unknown."""
    known = next((one.distinct for one in table.columns if one.name == column), None)
    return 0.0 if known is None else known if known >= 0 else -known * table.rows


def findings(trace: Trace, detector: str, needs: Iterable[Need], title: Title) -> Iterator[Finding]:
    """One finding per index; what a longer index serves as well is part of its finding."""
    shared = shared_sites(trace)
    executions = _executions(trace)
    known = (_with_predicate(trace, need, executions) for need in needs)
    for merged in _merged(known):
        seen = {need.scan.plan.fingerprint: need for need in merged}
        runs = [(need, run) for name, need in seen.items() for run in executions[name]]
        if _read(runs) >= MIN_READ:
            yield _finding(trace, detector, merged[0], runs, shared, title)


def estimated_selectivity(table: Table, conditions: Iterable[Condition]) -> float:
    """The share of rows that satisfy the conditions, if all values were equally frequent."""
    share = 1.0
    for one in conditions:
        values = distinct(table, one.column)
        share *= RANGE_SHARE if one.role == "range" else 1 / values if values else 1.0
    return share


def _read(runs: Sequence[tuple[Need, Execution]]) -> float:
    """Rows that the scans read per request."""
    requests = {request.id for _, (request, _) in runs}
    return sum(need.scan.read for need, _ in runs) / len(requests) if requests else 0.0


def _with_predicate(
    trace: Trace, need: Need, executions: Mapping[str, Sequence[Execution]]
) -> Need:
    runs = executions.get(need.scan.plan.fingerprint, ())
    model = _model(trace, need.scan.table, runs[0][1]) if runs else None
    return replace(need, predicate=_predicate(need, runs, model))


def _merged(needs: Iterable[Need]) -> list[list[Need]]:
    """Needs of one table together when one's columns start the other's, the longest first."""
    groups: list[list[Need]] = []
    for need in sorted(needs, key=lambda need: -len(need.columns)):
        home = next((group for group in groups if _serves(group[0], need)), None)
        if home is None:
            groups.append([need])
        else:
            home.append(need)
    return groups


def _serves(longer: Need, need: Need) -> bool:
    count = len(need.columns)
    return (
        longer.scan.table == need.scan.table
        and longer.columns[:count] == need.columns
        and longer.predicate == need.predicate
    )


def _finding(
    trace: Trace,
    detector: str,
    need: Need,
    runs: Sequence[tuple[Need, Execution]],
    shared: frozenset[Site],
    title: Title,
) -> Finding:
    weights: defaultdict[str, float] = defaultdict(float)
    for one, (request, query) in runs:
        weights[request.endpoint] += query.duration_ms * one.share
    endpoints = sorted(weights, key=lambda endpoint: (-weights[endpoint], endpoint))
    first, (request, query) = max(
        runs, key=lambda run: (run[1][0].endpoint == endpoints[0], run[1][1].duration_ms)
    )
    cause = statement_site(query, request, shared)
    price = views.cost(trace, endpoints, [run[1][1] for run in runs], sum(weights.values()))
    return Finding(
        id=detector,
        title=title(endpoints[0], first) + views.place(cause),
        severity=views.severity(price),
        confidence=need.confidence,
        endpoints=tuple(endpoints),
        cause=cause,
        symptom=query.stack[0] if query.stack else None,
        evidence=_evidence(trace, need, query),
        cost=price,
    )


def _evidence(trace: Trace, need: Need, query: Query) -> IndexEvidence:
    table = need.scan.table
    model = _model(trace, table, query)
    return IndexEvidence(
        shape=query.shape,
        table=table.name,
        equality=tuple(one.key for one in need.equality),
        ranges=need.ranges,
        order=tuple(f"{'-' * one.descending}{one.column}" for one in need.order),
        predicate=need.predicate,
        model=model.label if model is not None else "",
        rows_read=need.scan.read,
        rows_used=need.used,
        example_sql=query.sql,
        included=_included(need),
    )


def _included(need: Need) -> tuple[str, ...]:
    """The columns with which an index answers without the table's rows, where many are wanted."""
    if need.used < MIN_COVERED_ROWS * need.scan.node.loops:
        return ()
    keys = {one.column for one in need.equality} | {one.column for one in need.order}
    keys |= {*need.ranges[:1]}
    known = {one.name: one.type for one in need.scan.table.columns}
    used = (name for name in need.scan.access.used if name in known)
    rest = tuple(sorted(name for name in used if name not in keys))
    narrow = all(known[name].startswith(NARROW) for name in rest)
    return rest if narrow and len(rest) <= MAX_COVERED else ()


def _model(trace: Trace, table: Table, query: Query) -> Model | None:
    names = (table.name, f"{table.schema}.{table.name}", f'{table.schema}"."{table.name}')
    fitting = [model for model in trace.models if model.table in names]
    wanted = query.load.model if query.load is not None else ""
    return next((one for one in fitting if one.label == wanted), next(iter(fitting), None))


def _predicate(need: Need, executions: Sequence[Execution], model: Model | None) -> str:
    """The conditions that the application never varies, as SQL; "" without any."""
    texts = (_constant(one, need.scan.table, executions, model) for one in need.equality)
    return " AND ".join(sorted(text for text in texts if text))


def _constant(
    condition: Condition, table: Table, executions: Sequence[Execution], model: Model | None
) -> str:
    if condition.role == "constant":
        return condition.text
    if condition.role != "equality" or not _is_enumerated(condition.column, table, model):
        return ""
    value = _only_value(condition.value, executions)
    named = any(value.strip("'") in _words(request.path) for request, _ in executions)
    return f"{condition.column} = {value}" if value and not named else ""


def _words(path: str) -> list[str]:
    """The segments and the query's values of a URL."""
    return re.split(r"[/?&=,;+ ]", unquote(path))


def _is_enumerated(column: str, table: Table, model: Model | None) -> bool:
    """Whether the column tells states apart, not owners or tenants: one login fixes those too."""
    fields = model.fields if model is not None else ()
    field = next((one for one in fields if one.column == column), None)
    if field is not None and field.choices:
        return True
    type_ = next((one.type for one in table.columns if one.name == column), "")
    is_state = type_.startswith(("boolean", "text", "character", "varchar"))
    return is_state and 0 < distinct(table, column) <= MAX_CONSTANT_VALUES


def _only_value(value: str, executions: Sequence[Execution]) -> str:
    """The literal that every execution had, "" when they differ or nobody knows."""
    if not value.startswith("$"):
        return value
    position = int(value[1:]) - 1
    values = {
        query.parameters[position] if query.parameters and position < len(query.parameters) else ""
        for _, query in executions
    }
    return values.pop() if len(values) == 1 and len(executions) >= MIN_EXECUTIONS else ""


def _executions(trace: Trace) -> dict[str, list[Execution]]:
    found: defaultdict[str, list[Execution]] = defaultdict(list)
    for request in trace.requests:
        for query in request.queries:
            found[query.fingerprint].append((request, query))
    return found
