"""Findings about waiting for the bench of the fixers: what the marked expression waits for."""

from types import ModuleType

from msgspec.structs import replace

from tests.prescribe.test_pages import blocks
from unslow.lab.patching import diff
from unslow.model import Patch, Recommendation, WaitEvidence


def advice(bench, fixer: ModuleType, **evidence):
    """What a fixer says to a finding of its detector at the first mark, in order."""
    (detector,) = fixer.DETECTORS if len(fixer.DETECTORS) == 1 else (evidence.pop("id"),)
    values = {"call": "GET partner/rates", "calls": 1.0, "ms": 20.0, **evidence}
    finding = replace(bench.finding(id=detector), evidence=WaitEvidence(**values))
    return list(fixer.fix(finding, bench.source))


def patch(bench, fixer: ModuleType, nth: int = 0, **evidence) -> Patch:
    return [one for one in advice(bench, fixer, **evidence) if isinstance(one, Patch)][nth]


def fixed(bench, fixer: ModuleType, nth: int = 0, **evidence) -> str:
    """The file of the first mark after the fixer's n-th patch."""
    return bench.apply(patch(bench, fixer, nth, **evidence))[bench.sites[0].path]


def refused(bench, fixer: ModuleType, **evidence) -> str:
    """The reason of the one recommendation, where nothing is written."""
    (only,) = advice(bench, fixer, **evidence)
    assert isinstance(only, Recommendation)
    return only.reason


def assert_page(bench, fixer: ModuleType, cause: str, **evidence) -> None:
    """The fixer's page shows the diff that the fixer writes for the page's example."""
    page = f"{fixer.FIXER}.md"
    (example, *_), (expected, *_) = blocks(page, "python"), blocks(page, "diff")
    assert example.count(cause) == 1
    bench.write(example.replace(cause, f"«{cause}»"))
    found = patch(bench, fixer, **evidence)
    bench.apply(found)
    assert diff([found], bench.source.read) == expected
