"""Statements of endpoints that were observed at several sizes of their data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from unslow.lab.diagnose import _views as views
from unslow.lab.growth.fitting import fit
from unslow.model import Finding, Fit, Growth, GrowthEvidence, Query, Request, Trace
from unslow.model.finding import Confidence
from unslow.model.growth import StatementGrowth
from unslow.rules.causes import shared_sites, statement_site

RANKS = {"constant": 0, "logarithmic": 1, "linear": 2, "quadratic": 3}


@dataclass(frozen=True)
class Grown:
    """One statement of an endpoint, and its executions at the largest size."""

    endpoint: str
    growth: Growth
    statement: StatementGrowth
    runs: tuple[tuple[Request, Query], ...]

    @property
    def query(self) -> Query:
        return self.runs[0][1]

    @property
    def sizes(self) -> tuple[int, ...]:
        return self.growth.sizes

    def fitted(self, values: Sequence[float]) -> Fit:
        return fit(self.sizes, values)

    def each(self, values: Sequence[float]) -> tuple[float, ...]:
        """Per execution what is counted per request."""
        return tuple(
            round(value / runs, 2) if runs else 0.0
            for value, runs in zip(values, self.statement.executions, strict=True)
        )


def grown(trace: Trace) -> Iterator[Grown]:
    """Every reading statement of the endpoints whose growth is known."""
    for one in trace.growth:
        requests = [
            request
            for request in trace.requests
            if request.endpoint == one.endpoint and request.status < 400
        ]
        for statement in one.statements:
            runs = tuple(
                (request, query)
                for request in requests
                for query in request.queries
                if query.fingerprint == statement.fingerprint
            )
            if runs:
                yield Grown(one.endpoint, one.growth, statement, runs)


def finding(
    trace: Trace,
    detector: str,
    one: Grown,
    title: str,
    evidence: GrowthEvidence,
    confidence: Confidence,
) -> Finding:
    """The finding for one statement of one endpoint. `title` follows the endpoint."""
    request, query = max(one.runs, key=lambda run: run[1].duration_ms)
    cause = statement_site(query, request, shared_sites(trace))
    queries = [run[1] for run in one.runs]
    price = views.cost(trace, [one.endpoint], queries, sum(each.duration_ms for each in queries))
    return Finding(
        id=detector,
        title=f"{one.endpoint} {title}{views.place(cause)}",
        severity=views.severity(price),
        confidence=confidence,
        endpoints=(one.endpoint,),
        cause=cause,
        symptom=query.stack[0] if query.stack else None,
        evidence=evidence,
        cost=price,
    )
