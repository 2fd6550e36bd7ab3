"""Negative cases: what looks like a slow form, and is right.

A false finding costs more than a missed one, so each detector has `test_<detector>.py` here with
at least eight cases that it must be silent on. A case is a fact as its name and a trace (from
`tests.builders`), or a fact and a small source that is analysed:

    SLOW = trace(request("GET", "orders/", lookup() * 10))

    CASES = {
        "three constants in a loop": trace(request("GET", "orders/", lookup() * 3)),
        "each query reads another schema": trace(...),
    }

    @pytest.mark.parametrize("seen", cases(CASES))
    def test_silent(seen):
        assert found("repeated-query", seen) == []

    def test_the_slow_form_fires():
        assert found("repeated-query", SLOW)

The last test is the control: with another word in the trace each case would be a finding, and a
case that stays silent for an unrelated reason (no site, no cost, too few rows) proves nothing.
Build cases from the slow form and change the one fact that makes it right.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import pytest

from unslow.lab.diagnose import detectors, diagnose
from unslow.model import Finding, Trace

Case = TypeVar("Case")


def cases(named: Mapping[str, Case]) -> list[Any]:
    """One parameter for each case, its fact as the id."""
    return [pytest.param(case, id=name) for name, case in named.items()]


def found(detector: str, trace: Trace) -> list[str]:
    """The titles of what `detector` ("repeated-query") finds in `trace`."""
    module = detectors()[detector.replace("-", "_")]
    return [finding.title for finding in module.find(trace)]


def found_in(trace: Trace, sources: Mapping[str, str]) -> list[Finding]:
    """What all detectors find where the files of `sources` are the application."""

    def read(path: str) -> bytes:
        if path not in sources:
            raise FileNotFoundError(path)
        return sources[path].encode()

    return diagnose(trace, read)
