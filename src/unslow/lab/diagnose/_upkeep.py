"""Findings about indexes that writes keep up to date for nothing."""

from collections.abc import Iterator

from unslow.lab.diagnose import _statements as statements
from unslow.lab.diagnose import _views as views
from unslow.model import Finding, Index, PlanEvidence, Query, Request, Table, Trace
from unslow.model.finding import Confidence

MIN_ROWS = 1000  # of the table; what a smaller one's index costs is nothing

Writes = list[tuple[Request, Query]]


def written(trace: Trace) -> Iterator[tuple[Table, Writes]]:
    """The larger tables that requests add rows to or change, with the statements."""
    writes = [
        (request, query, statements.written_table(query.sql))
        for request in trace.requests
        for query in request.queries
        if query.kind in ("insert", "update")
    ]
    for table in trace.tables:
        own = [(request, query) for request, query, name in writes if name == table.name]
        if own and table.rows >= MIN_ROWS:
            yield table, own


def finding(
    trace: Trace,
    detector: str,
    table: Table,
    one: Index,
    writes: Writes,
    reason: str,
    confidence: Confidence,
) -> Finding:
    """What an index costs is not known until it is gone; so the finding says which it is."""
    endpoints = tuple(sorted({request.endpoint for request, _ in writes}))
    model = next((model for model in trace.models if model.table == table.name), None)
    schema = "" if table.schema == "public" else f"{table.schema}."
    evidence = PlanEvidence(
        shape="",
        table=table.name,
        reason=reason,
        advice="Drop it, in the model or migration that made it: every write keeps it up to date, "
        f"and it takes {one.bytes // 1024} kB",
        reference=f"DROP INDEX CONCURRENTLY {schema}{one.name}",
        rows_read=table.rows,
    )
    return Finding(
        id=detector,
        title=f"{endpoints[0]} writes {one.name} of {table.name}, which {reason}",
        severity="low",
        confidence=confidence,
        endpoints=endpoints,
        cause=model.site if model is not None else None,
        symptom=None,
        evidence=evidence,
        cost=views.cost(trace, endpoints, (), 0.0),
    )


def is_own(trace: Trace, table: Table) -> bool:
    """Whether the application declares the table: a library's own are not for it to change."""
    models = [model for model in trace.models if model.table == table.name]
    return any(model.site for model in models) or not trace.models
