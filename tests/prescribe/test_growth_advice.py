import pytest
from msgspec.structs import replace

from tests.builders import query
from tests.growth.traces import grown
from unslow.lab.diagnose.unbounded_result import find
from unslow.lab.prescribe import Source
from unslow.lab.prescribe.growth_advice import DETECTORS, fix
from unslow.model import IndexEvidence, Recommendation


@pytest.fixture
def one():
    seen = [query("SELECT id FROM item", rows=count) for count in (60, 240, 960)]
    [found] = find(grown(seen))
    return found


def test_nothing_for_another_evidence(one):
    assert list(fix(replace(one, evidence=IndexEvidence("", "log")), Source([]))) == []


@pytest.mark.parametrize("detector", sorted(DETECTORS))
def test_the_advice_tells_what_was_seen_at_each_size(one, detector):
    [advice] = fix(replace(one, id=detector), Source([]))
    assert isinstance(advice, Recommendation)
    assert advice.summary.startswith("Return a page")
    assert advice.summary.endswith("(rows returned: 60 at 1×, 240 at 4×, 960 at 16×)")
    assert advice.reason == one.evidence.reason
