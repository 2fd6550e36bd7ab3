"""Who compresses, and what clients need, lies outside the application."""

import pytest
from msgspec.structs import replace

from unslow.lab.prescribe import response_advice
from unslow.model import PayloadEvidence, Recommendation

EVIDENCE = PayloadEvidence(2_000_000, "application/json", 4)


@pytest.mark.parametrize(
    ("id", "said"), [("uncompressed-response", "GZipMiddleware"), ("oversized-payload", "page")]
)
def test_advice(bench, id, said):
    finding = replace(bench.finding(id=id), evidence=EVIDENCE)
    (only,) = response_advice.fix(finding, bench.source)
    assert isinstance(only, Recommendation)
    assert said in only.summary


def test_silent_for_other_evidence(bench):
    assert list(response_advice.fix(bench.finding(), bench.source)) == []
