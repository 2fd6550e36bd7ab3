"""misfit-workers: the server's workers evidently do not fit what the requests do."""

from collections.abc import Iterator

from unslow.model import Cost, Finding, Server, ServerEvidence, Trace
from unslow.model.finding import Confidence

MIN_REQUESTS = 20
WAITING = 0.7  # of the requests' time, without a thread's CPU; half is usual beside a database
COMPUTING = 0.3
PER_CORE = 2  # gunicorn's advice: twice the cores, and one


def find(trace: Trace) -> Iterator[Finding]:
    """At most one finding, about the start command or the configuration."""
    server = trace.server
    if server is None or server.name != "gunicorn" or len(trace.requests) < MIN_REQUESTS:
        return
    waiting = _waiting(trace)
    said = _misfit(server, waiting)
    if said is not None:
        what, confidence = said
        yield Finding(
            id="misfit-workers",
            title=what,
            severity="low",
            confidence=confidence,
            endpoints=(),
            cause=None,
            symptom=None,
            evidence=ServerEvidence(server, round(waiting, 3)),
            cost=Cost(0.0, 0.0, 0.0),
        )


def _misfit(server: Server, waiting: float) -> tuple[str, Confidence] | None:
    most = PER_CORE * server.cores + 1
    if server.worker == "gthread" and server.threads == 1:
        return f"gunicorn runs {_workers(server)} of class gthread with one thread each", "certain"
    one_by_one = server.worker == "sync" and server.threads == 1
    if one_by_one and waiting >= WAITING and server.workers < most:
        share = f"{waiting:.0%} of the requests' time is waiting"
        return f"gunicorn runs {_workers(server)} of class sync, and {share}", "likely"
    if server.cores and server.workers > most and waiting <= COMPUTING:
        computing = f"{1 - waiting:.0%} of the requests' time is computing"
        cores = f"{server.cores} core{'s' * (server.cores != 1)}"
        return f"gunicorn runs {_workers(server)} on {cores}, and {computing}", "possible"
    return None


def _workers(server: Server) -> str:
    return f"{server.workers} worker{'s' * (server.workers != 1)}"


def _waiting(trace: Trace) -> float:
    """The share of the requests' time in which their threads did not compute."""
    total = sum(request.duration_ms for request in trace.requests)
    computing = sum(min(request.cpu_ms, request.duration_ms) for request in trace.requests)
    return 1 - computing / total if total else 0.0
