"""sequential-calls: a coroutine awaits one read after another, and none needs the others."""

from collections.abc import Iterator
from statistics import median_high

from unslow.lab.diagnose import _sequences as runs
from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose import _waits as waits
from unslow.lab.diagnose._sequences import Run, Seen
from unslow.lab.diagnose._waits import Read
from unslow.model import Finding, HttpCall, Trace, WaitEvidence


def find_in_source(trace: Trace, read: Read) -> Iterator[Finding]:
    """One finding for each place that awaits independent reads in turn, statements among them."""
    for run, seen in runs.sequences(trace, read):
        ms = runs.endpoints(trace, seen)
        if ms and seen.kinds != {HttpCall}:
            yield _finding(trace, run, seen, ms)


def _finding(trace: Trace, run: Run, seen: Seen, ms: dict[str, float]) -> Finding:
    endpoint, saved = next(iter(ms.items()))
    sites = runs.await_sites(run)
    price = waits.cost(trace, ms)
    what = f"{len(sites)} independent reads in turn, {saved:.0f} ms longer than together"
    return Finding(
        id="sequential-calls",
        title=f"{endpoint} awaits {what}{views.place(sites[0])}",
        severity=views.severity(price),
        confidence="likely",
        endpoints=tuple(ms),
        cause=sites[0],
        symptom=sites[-1],
        evidence=WaitEvidence(
            call="statements",
            calls=float(len(sites)),
            ms=round(median_high(ms.values()), 2),
            uses=sites,
        ),
        cost=price,
    )
