"""What to keep is a person's decision; the advice says what it is worth."""

import pytest
from msgspec.structs import replace

from unslow.lab.prescribe import caching_advice
from unslow.model import CacheEvidence, ReadEvidence, Recommendation

READ = ReadEvidence("SELECT", ("orders",), 120.0, 4, 12)


def advice(bench, id, evidence):
    finding = replace(bench.finding(id=id), evidence=evidence)
    return list(caching_advice.fix(finding, bench.source))


@pytest.mark.parametrize("id", ["cache-scan", "unexpiring-cache", "cache-stampede"])
def test_one_sentence_for_each_detector(bench, id):
    (only,) = advice(bench, id, CacheEvidence("SET", "user:*", 1.0))
    assert isinstance(only, Recommendation)


def test_silent_for_calls_that_a_fixer_cures(bench):
    assert advice(bench, "repeated-cache-call", CacheEvidence("GET", "user:*", 9.0)) == []


def test_silent_for_other_evidence(bench):
    assert list(caching_advice.fix(bench.finding(), bench.source)) == []


def test_the_worth_of_a_read(bench):
    (only,) = advice(bench, "uncached-read", READ)
    assert "12 rows" in only.summary
    assert "spare 120 ms of each request, 50% of all traffic's time" in only.reason
    assert "nothing wrote orders" in only.reason


def test_who_writes_must_forget(bench):
    (only,) = advice(bench, "uncached-read", replace(READ, writers=("POST orders/",)))
    assert "POST orders/ write orders: forget it there" in only.reason
