"""From a trace to findings: each detector is a pure function of what was seen."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from unslow.lab.diagnose._allowed import allowed
from unslow.lab.diagnose._expressions import Expressions
from unslow.model import Finding, Trace

__all__ = ["Detector", "detectors", "diagnose"]


class Detector(Protocol):
    """A module of this package: what it finds in a trace."""

    def find(self, trace: Trace) -> Iterator[Finding]: ...


def diagnose(trace: Trace, read: Callable[[str], bytes] | None = None) -> list[Finding]:
    """Every finding that is not allowed in the source, costliest first.

    `read` gives a file's bytes by a site's path and raises `OSError`; without it no comment is
    looked at, and a cause may be a part of its expression.
    """
    found = [finding for detector in detectors().values() for finding in detector.find(trace)]
    if read is None:
        return _by_cost(found)
    expressions = Expressions(read)
    exact = [expressions.finding(finding) for finding in found]
    return _by_cost(finding for finding in exact if not allowed(finding, read))


@cache
def detectors() -> dict[str, Detector]:
    """The detectors by module name: every module of this package without a leading underscore."""
    names = sorted(m.name for m in iter_modules(__path__) if not m.name.startswith("_"))
    return {name: cast(Detector, import_module(f"{__name__}.{name}")) for name in names}


def _by_cost(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(
        findings,
        key=lambda one: (-one.cost.share, -one.cost.queries_per_request, one.id, one.title),
    )
