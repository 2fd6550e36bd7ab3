"""From a trace to findings: each detector is a pure function of what was seen."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Protocol, cast

from unslow.lab.diagnose import outdated_allowance
from unslow.lab.diagnose._expressions import widened
from unslow.lab.diagnose._functions import Functions
from unslow.model import Finding, Trace
from unslow.rules.allowances import Allowances
from unslow.rules.expressions import Expressions

__all__ = ["Detector", "Reader", "detectors", "diagnose", "readers"]


Read = Callable[[str], bytes]


class Detector(Protocol):
    """A module of this package: what it finds in a trace."""

    def find(self, trace: Trace) -> Iterator[Finding]: ...


class Reader(Protocol):
    """A module of this package that must see the source as well."""

    def find_in_source(self, trace: Trace, read: Read) -> Iterator[Finding]: ...


def diagnose(trace: Trace, read: Read | None = None, today: date | None = None) -> list[Finding]:
    """Every finding that is not allowed in the source, costliest first.

    `read` gives a file's bytes by a site's path and raises `OSError`; without it no comment is
    looked at, and a cause may be a part of its expression. A comment's date is past when it is
    before `today`, by default the present day.
    """
    found = [finding for detector in detectors().values() for finding in detector.find(trace)]
    if read is None:
        return _by_cost(found)
    for reader in readers().values():
        found += reader.find_in_source(trace, read)
    whole = Expressions(read).whole
    return _by_cost(
        _reviewed(trace, [widened(one, whole) for one in found], read, today or date.today())
    )


def _reviewed(trace: Trace, found: Iterable[Finding], read: Read, today: date) -> Iterator[Finding]:
    """The findings that no comment allows, and the comments that allow nothing any more."""
    allowances = Allowances(read)
    used = set()
    for finding in found:
        named = allowances.named(finding)
        used.update(named)
        if all(one.is_past(today) for one in named):
            yield finding
    yield from outdated_allowance.review(trace, allowances, used, Functions(read), today)


def detectors() -> dict[str, Detector]:
    """The detectors by module name: every module of this package that looks at a trace alone."""
    return {name: cast(Detector, one) for name, one in _modules().items() if hasattr(one, "find")}


def readers() -> dict[str, Reader]:
    """The detectors that look at the source as well, by module name."""
    return {
        name: cast(Reader, one)
        for name, one in _modules().items()
        if hasattr(one, "find_in_source")
    }


@cache
def _modules() -> dict[str, ModuleType]:
    names = sorted(m.name for m in iter_modules(__path__) if not m.name.startswith("_"))
    return {name: import_module(f"{__name__}.{name}") for name in names}


def _by_cost(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(
        findings,
        key=lambda one: (-one.cost.share, -one.cost.queries_per_request, one.id, one.title),
    )
