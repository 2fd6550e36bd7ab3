"""untimed-http-call: another service is asked, and nothing ends the waiting for its answer."""

import ast
from collections import defaultdict
from collections.abc import Iterator

from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose import _waits as waits
from unslow.lab.diagnose._waits import Read, Sources
from unslow.model import Cost, Finding, HttpCall, Request, Site, Trace, WaitEvidence

STREAMING = frozenset({"stream", "ws_connect", "connect_sse", "aconnect_sse", "iter_lines"})


def find_in_source(trace: Trace, read: Read) -> Iterator[Finding]:
    """One finding for each expression that asks without a timeout."""
    sources = Sources(read)
    by_cause: defaultdict[Site, list[tuple[Request, HttpCall]]] = defaultdict(list)
    for request in trace.requests:
        for call in request.http_calls:
            if call.timeout_s is None and call.stack and not _streams(call.stack[0], sources):
                by_cause[call.stack[0]].append((request, call))
    for cause, found in by_cause.items():
        yield _finding(trace, cause, found)


def _streams(site: Site, sources: Sources) -> bool:
    """Whether the answer is read as it comes, which may take forever on purpose."""
    node = sources.expression(site)
    call = node.value if isinstance(node, ast.Await) else node
    name = waits.dotted(call.func) if isinstance(call, ast.Call) else ""
    streamed = isinstance(call, ast.Call) and any(
        keyword.arg == "stream" and getattr(keyword.value, "value", False) is True
        for keyword in call.keywords
    )
    return streamed or name.rpartition(".")[2] in STREAMING


def _finding(trace: Trace, cause: Site, found: list[tuple[Request, HttpCall]]) -> Finding:
    endpoints = tuple(dict.fromkeys(request.endpoint for request, _ in found))
    call = found[0][1]
    return Finding(
        id="untimed-http-call",
        title=f"{endpoints[0]} asks {waits.named(call)} without a timeout{views.place(cause)}",
        severity="medium",  # it costs nothing until the service hangs, and then everything
        confidence="certain",
        endpoints=endpoints,
        cause=cause,
        symptom=call.stack[1] if len(call.stack) > 1 else cause,
        evidence=WaitEvidence(
            call=waits.named(call),
            calls=round(len(found) / len({request.id for request, _ in found}), 1),
            ms=round(max(one.duration_ms for _, one in found), 2),
            uses=(cause,),
        ),
        cost=Cost(0.0, 0.0, 0.0),
    )
