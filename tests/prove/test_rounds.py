"""Which candidates are asked again when others are in place."""

import pytest

from tests.prove import library
from tests.prove.library import BOOKS, SHELVES
from tests.prove.test_combine import GOOD, OTHER, RIVAL
from unslow.lab.prove import Candidate, Proof
from unslow.lab.prove.rounds import undecided
from unslow.model import Verdict
from unslow.model.verdict import VerdictKind


def read(path: str) -> bytes:
    return (library.ROOT / path).read_bytes()


def asked_again(kind: VerdictKind, evidence: float, *others: Candidate) -> list[str]:
    verdicts = {one.key: Verdict(kind, evidence=evidence) for one in others}
    proof = Proof({"good": Verdict("proven", evidence=500.0), **verdicts})
    return [one.key for one in undecided([GOOD, *others], proof, [GOOD], read)]


def test_a_fix_that_lacked_evidence_is_asked_again() -> None:
    assert asked_again("inconclusive", 3.0, OTHER) == ["other"]


@pytest.mark.parametrize("kind", ["different", "failed", "slower", "no-gain"])
def test_a_decided_fix_is_not(kind: VerdictKind) -> None:
    assert asked_again(kind, 3.0, OTHER) == []


def test_a_fix_that_others_veto_is_not() -> None:
    assert asked_again("inconclusive", 300.0, OTHER) == []


def test_a_rival_of_a_kept_fix_is_not() -> None:
    assert asked_again("inconclusive", 3.0, RIVAL) == []


def test_a_fix_of_the_same_text_as_a_kept_one_is_not() -> None:
    unrelated = Candidate("rival", library.rival(), (BOOKS, SHELVES), "another finding")
    assert asked_again("inconclusive", 3.0, unrelated) == []
