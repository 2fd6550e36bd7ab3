"""sequential-http-calls: a coroutine asks one service after another, for no reason."""

from collections.abc import Iterator
from statistics import median_high

from unslow.lab.diagnose import _sequences as runs
from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose import _waits as waits
from unslow.lab.diagnose._sequences import Run, Seen
from unslow.lab.diagnose._waits import Read
from unslow.model import Finding, HttpCall, Trace, WaitEvidence


def find_in_source(trace: Trace, read: Read) -> Iterator[Finding]:
    """One finding for each place that awaits independent calls to other services in turn."""
    for run, seen in runs.sequences(trace, read):
        ms = runs.endpoints(trace, seen)
        if ms and seen.kinds == {HttpCall}:
            yield _finding(trace, run, seen, ms)


def _finding(trace: Trace, run: Run, seen: Seen, ms: dict[str, float]) -> Finding:
    endpoint, saved = next(iter(ms.items()))
    sites = runs.await_sites(run)
    price = waits.cost(trace, ms)
    what = f"{len(sites)} independent HTTP calls in turn, {saved:.0f} ms longer than together"
    return Finding(
        id="sequential-http-calls",
        title=f"{endpoint} awaits {what}{views.place(sites[0])}",
        severity=views.severity(price),
        confidence="likely",
        endpoints=tuple(ms),
        cause=sites[0],
        symptom=sites[-1],
        evidence=WaitEvidence(
            call=next(waits.named(one) for one in seen.calls if isinstance(one, HttpCall)),
            calls=float(len(sites)),
            ms=round(median_high(ms.values()), 2),
            uses=sites,
        ),
        cost=price,
    )
