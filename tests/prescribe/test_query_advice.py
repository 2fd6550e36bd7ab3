import pytest
from msgspec.structs import replace

from tests.diagnose.test_count_per_page import counted
from unslow.lab.diagnose.count_per_page import find
from unslow.lab.prescribe import Source
from unslow.lab.prescribe.query_advice import DETECTORS, fix
from unslow.model import IndexEvidence, Recommendation


@pytest.fixture
def one():
    [found] = find(counted())
    return found


def test_nothing_for_another_evidence(one):
    assert list(fix(replace(one, evidence=IndexEvidence("", "log")), Source([]))) == []


@pytest.mark.parametrize("detector", sorted(DETECTORS))
def test_the_advice_and_its_form_are_a_recommendation(one, detector):
    [advice] = fix(replace(one, id=detector), Source([]))
    evidence = one.evidence
    form = f"{evidence.advice}: {evidence.reference}"
    assert advice == Recommendation("query-advice", form, evidence.reason)


def test_advice_without_a_form_ends_there(one):
    plain = replace(one, evidence=replace(one.evidence, reference=""))
    [advice] = fix(plain, Source([]))
    assert advice.summary == one.evidence.advice
