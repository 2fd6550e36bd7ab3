"""Findings about the executed plan of one statement: where it is run, what it costs, its place."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from unslow.lab.diagnose import _views as views
from unslow.model import Finding, Plan, PlanEvidence, PlanNode, Query, Request, Trace
from unslow.model.finding import Confidence
from unslow.rules.causes import query_site, shared_sites, statement_site

MIN_READ = 5000  # rows per request; PostgreSQL reads as many in a third of a millisecond
MIN_SHARE = 0.2  # of the statement's time


@dataclass(frozen=True)
class Planned:
    """A statement with its plan and all its executions."""

    plan: Plan
    runs: tuple[tuple[Request, Query], ...]

    @property
    def requests(self) -> int:
        return len({request.id for request, _ in self.runs})


def planned(trace: Trace) -> Iterator[Planned]:
    """Each statement whose plan is known and that was executed."""
    runs: defaultdict[str, list[tuple[Request, Query]]] = defaultdict(list)
    for request in trace.requests:
        for query in request.queries:
            runs[query.fingerprint].append((request, query))
    for plan in trace.plans:
        if plan.fingerprint in runs:
            yield Planned(plan, tuple(runs[plan.fingerprint]))


def nodes(node: PlanNode) -> Iterator[PlanNode]:
    """The plan's nodes, each before what is below it."""
    yield node
    for child in node.children:
        yield from nodes(child)


def read(node: PlanNode) -> int:
    """Rows that a scan looked at."""
    return node.rows + node.rows_removed


def finding(
    trace: Trace,
    detector: str,
    one: Planned,
    title: str,
    evidence: PlanEvidence,
    *,
    share: float = 1.0,
    confidence: Confidence = "certain",
    at_call: bool = False,
) -> Finding:
    """The finding for all executions, of whose time `share` is in question.

    `title` follows the endpoint. The cause is what builds the statement, `at_call` what runs it.
    """
    weights: defaultdict[str, float] = defaultdict(float)
    for request, query in one.runs:
        weights[request.endpoint] += query.duration_ms * share
    endpoints = sorted(weights, key=lambda endpoint: (-weights[endpoint], endpoint))
    request, query = max(
        one.runs, key=lambda run: (run[0].endpoint == endpoints[0], run[1].duration_ms)
    )
    shared = shared_sites(trace)
    cause = query_site(query, shared) if at_call else statement_site(query, request, shared)
    price = views.cost(trace, endpoints, [run[1] for run in one.runs], sum(weights.values()))
    return Finding(
        id=detector,
        title=f"{endpoints[0]} {title}{views.place(cause)}",
        severity=views.severity(price),
        confidence=confidence,
        endpoints=tuple(endpoints),
        cause=cause,
        symptom=query.stack[0] if query.stack else None,
        evidence=evidence,
        cost=price,
    )
