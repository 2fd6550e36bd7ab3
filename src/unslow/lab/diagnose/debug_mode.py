"""debug-mode: a switch for debugging is written into the code, and every request pays for it."""

from collections import defaultdict
from collections.abc import Iterator

from unslow.lab.diagnose import _views as views
from unslow.model import Cost, Finding, Request, SettingEvidence, Switch, Trace

WHAT = {
    "DEBUG": "runs with Django's DEBUG on: every query of the process is remembered",
    "echo": "logs every statement: the engine's echo is on",
}


def find(trace: Trace) -> Iterator[Finding]:
    """One finding for each switch that is on where the source itself says so."""
    found: defaultdict[Switch, list[Request]] = defaultdict(list)
    for request in trace.requests:
        for switch in request.switches:
            if switch.site is not None and switch.name in WHAT:
                found[switch].append(request)
    for switch, requests in found.items():
        endpoints = tuple(sorted({request.endpoint for request in requests}))
        statements = sum(len(request.queries) for request in requests) / len(requests)
        yield Finding(
            id="debug-mode",
            title=f"{endpoints[0]} {WHAT[switch.name]}{views.place(switch.site)}",
            severity="medium" if switch.name == "echo" else "low",
            confidence="certain" if switch.name == "echo" else "possible",
            endpoints=endpoints,
            cause=switch.site,
            symptom=None,
            evidence=SettingEvidence(switch.name, switch.value, calls=round(statements, 2)),
            cost=Cost(round(statements, 2), 0.0, 0.0),
        )
