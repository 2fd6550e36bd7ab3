"""Which rows the requests read, and what the source of the application does with them."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from statistics import median_high

from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose._views import Group
from unslow.lab.rows import File, Files, Rows, rows_at
from unslow.model import Cost, Finding, Model, Query, Request, RowsEvidence, Site, Trace
from unslow.model.finding import Confidence
from unslow.rules.causes import query_site, shared_sites

ROW_MS = 0.01  # to make one ORM instance; 5 to 20 microseconds on one core of 2024

Read = Callable[[str], bytes]


@dataclass(frozen=True)
class Reading:
    """The rows of one expression, and the queries that read them, by request."""

    rows: Rows
    model: Model
    groups: tuple[Group, ...]

    @property
    def file(self) -> File:
        return self.rows.file

    @property
    def query(self) -> Query:
        return max((q for g in self.groups for q in g.queries), key=lambda q: q.duration_ms)

    @property
    def rows_per_request(self) -> float:
        return float(median_high(_rows(group) for group in self.groups))


def readings(trace: Trace, read: Read, kinds: Collection[str] = ("select",)) -> Iterator[Reading]:
    """The reads of rows of one model, by the expression that gives the rows.

    Left out are rows that the source does not lead to, and those that are read once per row of
    another query: an eager load is the cure for them.
    """
    files, shared = Files(read), shared_sites(trace)
    models = {model.label: model for model in trace.models}
    found: dict[Site, Rows] = {}
    followed: dict[tuple[Site, ...], Rows | None] = {}
    reads: defaultdict[tuple[Site, str], list[Group]] = defaultdict(list)
    for request in trace.requests:
        for queries in _once(request, kinds):
            load = queries[0].load
            sites = _sites(queries[0], shared)
            if sites not in followed:
                followed[sites] = _followed(sites, files)
            rows = followed[sites]
            if load is None or rows is None or load.model not in models:
                continue
            place = rows.file.site(rows.value)
            found[place] = rows
            reads[place, load.model].append(Group(request, tuple(queries)))
    for (place, label), groups in reads.items():
        yield Reading(found[place], models[label], tuple(groups))


def counted(trace: Trace, read: Read) -> Iterator[Reading]:
    """The counts of rows of one model, by the expression that asks for each."""
    files = Files(read)
    models = {model.label: model for model in trace.models}
    found: dict[Site, Rows] = {}
    counts: defaultdict[tuple[Site, str], list[Group]] = defaultdict(list)
    for request in trace.requests:
        for queries in _once(request, ("count",)):
            site, load = queries[0].stack[0], queries[0].load
            if site not in found:
                file = files.file(site.path)
                node = file.at(site) if file is not None else None
                if file is None or node is None:
                    continue
                found[site] = Rows(file, node, node, "", ())
            if load is None or load.model not in models:
                continue
            counts[site, load.model].append(Group(request, tuple(queries)))
    for (site, label), groups in counts.items():
        yield Reading(found[site], models[label], tuple(groups))


def finding(
    trace: Trace,
    reading: Reading,
    detector: str,
    cause: Site,
    title: str,
    *,
    use: Site | None = None,
    confidence: Confidence = "certain",
    share: float = 1.0,
    fields: Sequence[str] = (),
    unused: Sequence[str] = (),
    relation: str = "",
) -> Finding:
    """What `detector` says of the reading; `share` is the part of its cost that can be spared.

    `{endpoint}` and `{rows}` in the title are filled in.
    """
    endpoints = views.by_weight(reading.groups)
    price = _cost(trace, endpoints, reading, share)
    query = reading.query
    count = reading.rows_per_request
    return Finding(
        id=detector,
        title=title.format(endpoint=endpoints[0], rows=f"{count:,.0f}") + views.place(cause),
        severity=views.severity(price),
        confidence=confidence,
        endpoints=tuple(endpoints),
        cause=cause,
        symptom=query.stack[0] if query.stack else None,
        evidence=RowsEvidence(
            orm="django" if reading.model.orm == "django" else "sqlalchemy",
            model=reading.model.label,
            query=reading.file.site(reading.rows.query),
            use=use,
            rows=count,
            fields=tuple(fields),
            unused=tuple(unused),
            relation=relation,
            shape=query.shape,
            example_sql=query.sql,
        ),
        cost=price,
    )


def _cost(trace: Trace, endpoints: Sequence[str], reading: Reading, share: float) -> Cost:
    ms = sum(group.ms + ROW_MS * _rows(group) for group in reading.groups) * share
    return views.cost(trace, endpoints, (), ms)


def _rows(group: Group) -> int:
    return sum(query.rows or 0 for query in group.queries)


def _once(request: Request, kinds: Collection[str]) -> Iterator[list[Query]]:
    """The request's reads of rows that no other query's rows repeat."""
    by_place: defaultdict[object, list[Query]] = defaultdict(list)
    for query in request.queries:
        load = query.load
        if query.kind == "select" and load is not None and load.kind in kinds and query.stack:
            by_place[query.fingerprint, query.stack[0]].append(query)
    for queries in by_place.values():
        if len(queries) == 1:
            yield queries


def _sites(query: Query, shared: Collection[Site]) -> tuple[Site, ...]:
    """The expression that states the query, and the one that runs it."""
    sites = (query_site(query, shared), *query.stack[:1])
    return tuple(dict.fromkeys(site for site in sites if site is not None))


def _followed(sites: Sequence[Site], files: Files) -> Rows | None:
    """The rows from the first expression that shows all that is done with them."""
    best: Rows | None = None
    for site in sites:
        file = files.file(site.path)
        node = file.at(site) if file is not None else None
        rows = rows_at(file, node) if file is not None and node is not None else None
        if rows is not None and rows.uses and not rows.escapes:
            return rows
        best = best or rows
    return best
