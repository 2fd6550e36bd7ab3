import pytest
from msgspec.structs import replace

from tests.builders import site, trace
from unslow.lab.prescribe import Source
from unslow.lab.prescribe import after_commit as fixer
from unslow.model import Cost, Finding, Recommendation, RepeatEvidence, WaitEvidence

CALL = site("shop/views.py:3 pay")
COST = Cost(0, 5.0, 0.2)


def advice(evidence, kind="django"):
    found = Finding("long-transaction", "", "low", "certain", (), CALL, CALL, evidence, COST)
    return list(fixer.fix(found, Source(["."], (), replace(trace(), kind=kind))))


def test_silent_on_other_evidence():
    assert advice(RepeatEvidence(())) == []


@pytest.mark.parametrize(
    ("kind", "words"), [("django", "transaction.on_commit"), ("fastapi", "session's commit()")]
)
def test_it_says_where_the_call_can_go(kind, words):
    (only,) = advice(WaitEvidence("POST bank.example/pay", 1.0, 5.0), kind)
    assert isinstance(only, Recommendation)
    assert only.summary.startswith("Ask POST bank.example/pay before the first write, or ")
    assert words in only.summary
    assert "may depend on the answer" in only.reason
