"""The combination on a real application; the effects are so large that no noise hides them."""

from collections.abc import Iterator
from typing import cast

import pytest

from tests.prove import library
from tests.prove.library import BOOKS, SHELVES
from tests.prove.test_trial import ENDPOINTS, Machine
from unslow.demo.postgres import Postgres
from unslow.lab.prove import Candidate, Proof, combine, gate
from unslow.lab.prove.bundle import Bundle
from unslow.lab.prove.combine import _Run, choose, useless
from unslow.lab.prove.gate import Baseline, Passed
from unslow.lab.prove.trial import Claim
from unslow.lab.target import Lab
from unslow.model import Distribution, EndpointEffect, Verdict
from unslow.progress import Silent

GOOD = Candidate("good", library.good(), (BOOKS,), "books")
RIVAL = Candidate("rival", library.rival(), (BOOKS,), "books")
OTHER = Candidate("other", library.other(), (SHELVES,), "shelves")


def proven(endpoint: str, before: float, after: float) -> Verdict:
    samples = Distribution((before,), (after,))
    return Verdict(
        "proven", effects=(EndpointEffect(endpoint, None, 500.0, "target", None, samples),)
    )


PROOF = Proof(
    {
        "good": proven(BOOKS, 20.0, 2.0),
        "rival": proven(BOOKS, 20.0, 3.0),
        "other": proven(SHELVES, 10.0, 2.0),
    }
)


@pytest.fixture(scope="module")
def lab(postgres: Postgres) -> Iterator[Lab]:
    with Lab(library.target(postgres, "combine"), Silent()) as lab:
        yield lab


def run(lab: Lab, *candidates: Candidate):
    return combine(
        lab, library.workload(), candidates, PROOF, budget_s=25, progress=Silent(), seed=1
    )


def test_nothing_is_measured_when_nothing_is_proven(lab: Lab) -> None:
    proof = Proof({"good": Verdict("inconclusive"), "other": Verdict("different")})
    found = combine(
        lab, library.workload(), [GOOD, OTHER], proof, budget_s=25, progress=Silent(), seed=1
    )
    assert (found.kept, found.total.verdict) == ((), "not-run")
    assert (found.total.inconclusive, found.total.rejected) == (1, 1)


def test_the_best_rival_is_kept(lab: Lab) -> None:
    kept, dropped = choose([RIVAL, GOOD, OTHER], PROOF, lab, library.workload())
    assert [one.key for one in kept] == ["good", "other"]
    assert dropped == {"rival": f"{GOOD.patch.summary} saves more"}


def test_patches_of_one_text_are_not_combined(lab: Lab) -> None:
    unrelated = Candidate("rival", library.rival(), (BOOKS,), "another finding")
    kept, dropped = choose([GOOD, unrelated], PROOF, lab, library.workload())
    assert [one.key for one in kept] == ["good"]
    assert "same text" in dropped["rival"]


def test_what_pays_together_is_kept_and_counted(lab: Lab) -> None:
    found = run(lab, GOOD, OTHER)
    assert found.kept == ("good", "other")
    assert found.dropped == {}
    queries = found.total.queries
    assert queries is not None
    assert queries.after < queries.before / 5


def test_a_fix_that_no_longer_pays_is_found() -> None:
    """Leaving the first one out costs nothing, leaving the second one out costs a lot."""
    machine = Machine(
        {
            "C": {"GET a": 0.3, "GET b": 0.3},
            "without 1": {"GET a": 0.3, "GET b": 0.3},
            "without 2": {"GET a": 0.3, "GET b": 1.0},
        }
    )
    trial = machine.trial(
        Claim("", "C", ENDPOINTS),
        Claim("useless", "C", ("GET a",), before="without 1"),
        Claim("useful", "C", ("GET b",), before="without 2"),
    )
    trial.run()
    assert list(useless(trial)) == ["useless"]


def test_a_combination_that_answers_differently_loses_the_guilty_fix(lab: Lab) -> None:
    wrong = library.edit('"titles": [b.title', '"titles": ["" + b.title[1:]')
    found = run(lab, GOOD, Candidate("other", wrong, (SHELVES,), "shelves"))
    assert found.kept == ("good",)
    assert "GET /shelves/" in found.dropped["other"]


def test_many_fixes_that_fail_together_lose_the_half_that_saves_less(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [Candidate(str(number), library.good(), (BOOKS,), "books") for number in range(40)]
    monkeypatch.setattr(gate, "check_together", fails_above_five)
    dropped: dict[str, str] = {}
    passed = runs(lab).gated(many, dropped)
    assert passed is not None
    assert passed.bundle.candidates == tuple(many[:5])
    assert set(dropped.values()) == {"with the other fixes: the rows differ"}


def fails_above_five(
    lab: Lab, base: Baseline, bundle: Bundle, **_: object
) -> Passed | dict[str, str]:
    return Passed(bundle, {}) if len(bundle.candidates) <= 5 else {"": "the rows differ"}


def runs(lab: Lab) -> _Run:
    nothing = cast(Baseline, None)  # the gate alone reads it
    return _Run(lab, library.workload(), nothing, Silent(), lambda: 60.0, 1, None)
