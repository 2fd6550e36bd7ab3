"""From a finding to the changes that may cure it: each fixer writes patches or says what to do."""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch, Recommendation

__all__ = ["Fixer", "Source", "fixers", "prescribe"]


class Fixer(Protocol):
    """A module of this package: the detectors it serves, and what it writes for a finding."""

    DETECTORS: frozenset[str]

    def fix(self, finding: Finding, source: Source) -> Iterator[Patch | Recommendation]: ...


def prescribe(finding: Finding, source: Source) -> list[Patch | Recommendation]:
    """Every candidate for `finding`, patches before recommendations.

    A recommendation of a fixer that also wrote a patch is kept: it is about other loads.
    """
    found = [
        advice
        for fixer in fixers().values()
        if finding.id in fixer.DETECTORS
        for advice in fixer.fix(finding, source)
    ]
    unique = list(dict.fromkeys(found))
    return sorted(unique, key=lambda advice: isinstance(advice, Recommendation))


@cache
def fixers() -> dict[str, Fixer]:
    """The fixers by module name: every module of this package without a leading underscore."""
    names = sorted(m.name for m in iter_modules(__path__) if not m.name.startswith("_"))
    return {name: cast(Fixer, import_module(f"{__name__}.{name}")) for name in names}
