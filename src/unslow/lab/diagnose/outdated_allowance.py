"""outdated-allowance: a comment allows what is not found there any more, or its date is past."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import date

from unslow.lab.diagnose._functions import Functions
from unslow.lab.diagnose._views import place
from unslow.model import AllowanceEvidence, Cost, Finding, Query, Site, Trace
from unslow.model.finding import Confidence
from unslow.rules.allowances import Allowance, Allowances

ID = "outdated-allowance"
INNER = re.compile(r"(?:\.<locals>)?\.<\w+>.*$")  # a comprehension or lambda of a function


def review(
    trace: Trace,
    allowances: Allowances,
    used: Collection[Allowance],
    functions: Functions,
    today: date,
) -> Iterator[Finding]:
    """One finding per comment. `used` are those that allowed something in this trace.

    A comment in a function that was not seen to run may be needed still.
    """
    seen = _functions_seen(trace)
    for path in sorted({path for path, _ in seen}):
        for one in allowances.of(path):
            function = functions.around(path, one.covers)
            endpoints = seen.get((path, function), set()) if function else set()
            if one.is_past(today):
                yield _finding(one, function, endpoints, "certain", _past(one))
            elif endpoints and one not in used and ID not in one.rules:
                yield _finding(one, function, endpoints, "possible", "allows what is not found")


def _functions_seen(trace: Trace) -> dict[tuple[str, str], set[str]]:
    """Which endpoints ran each function, by path and qualified name."""
    seen: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for request in trace.requests:
        if request.view is not None:
            seen[request.view.path, request.view.function].add(request.endpoint)
        for query in request.queries:
            for site in _sites(query):
                seen[site.path, INNER.sub("", site.function)].add(request.endpoint)
    return seen


def _sites(query: Query) -> Iterator[Site]:
    yield from query.stack
    load = query.load
    for origin in (load.origin, load.queryset) if load else ():
        for link in origin.links if origin else ():
            yield from link.stack


def _past(one: Allowance) -> str:
    try:
        date.fromisoformat(one.until)
    except ValueError:
        return f'allows until "{one.until}", which is no date'
    return f"allows until {one.until}, which is past"


def _finding(
    one: Allowance, function: str, endpoints: Collection[str], confidence: Confidence, what: str
) -> Finding:
    site = Site(one.path, one.line, one.line, one.column, one.end_column, function or "<module>")
    return Finding(
        id=ID,
        title=f"A comment on {', '.join(one.rules)} {what}{place(site)}",
        severity="low",
        confidence=confidence,
        endpoints=tuple(sorted(endpoints)),
        cause=site,
        symptom=None,
        evidence=AllowanceEvidence(one.rules, one.reason, one.until),
        cost=Cost(0.0, 0.0, 0.0),
    )
