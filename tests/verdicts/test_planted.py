"""The planted changes whose verdict no clock has a say in, through the gates that decide them."""

from collections.abc import Callable, Iterator

import pytest
from benchmarks.verdicts.changes import changes
from benchmarks.verdicts.judging import COMMAND, helpdesk
from benchmarks.verdicts.seed import SMALL

from unslow.lab._observation import prepare
from unslow.lab.compare import resolve
from unslow.lab.prove import gate
from unslow.lab.prove._candidate import Candidate
from unslow.lab.prove.bundle import Bundle
from unslow.lab.prove.gate import Gated
from unslow.lab.target import Lab, Settings, Target, discover
from unslow.lab.workload import Wanted
from unslow.progress import Silent

GATE_S = 3.0
SAME = ("gain-beside-unstable-values", "gain-with-order-not-promised")
DIFFERENT = (
    "cached-across-requests",
    "mail-missing",
    "one-answer-in-a-thousand",
    "order-lost",
    "row-missing",
    "status-changed",
)


@pytest.fixture(scope="module")
def desk_target() -> Iterator[Target]:
    with helpdesk(SMALL) as desk:
        yield discover(None, COMMAND, cwd=desk.folder, settings=Settings(env=desk.env))


@pytest.fixture(scope="module")
def gates(desk_target) -> Iterator[Callable[[str], Gated]]:
    """What the gates say of a planted change, by its name."""
    with Lab(desk_target, Silent()) as lab:
        workload, _ = prepare(lab, Wanted(), "", Silent())
        base = gate.baseline(
            lab, workload, workload.endpoints, budget_s=GATE_S, sign_in=None, progress=Silent()
        )

        def check(name: str) -> Gated:
            [change] = changes([name])
            patch = resolve(None, str(change.patch), desk_target).candidate.patch
            bundle = Bundle("B", (Candidate(name, patch, workload.endpoints),))
            return gate.check(
                lab,
                base,
                [bundle],
                sign_in=None,
                progress=Silent(),
                seconds_left=lambda: GATE_S,
            )

        yield check


@pytest.mark.parametrize("name", SAME)
def test_a_change_that_answers_the_same_may_be_measured(gates, name) -> None:
    found = gates(name)
    assert found.rejected == ()
    assert found.responses[name].equal == found.responses[name].compared


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_change_that_answers_differently_is_found(gates, name) -> None:
    [rejected] = gates(name).rejected
    assert not rejected.crashed, rejected.reason


def test_a_change_that_does_not_start_names_the_exception(gates) -> None:
    [rejected] = gates("does-not-start").rejected
    assert rejected.crashed
    assert "ModuleNotFoundError" in rejected.reason


def test_every_planted_change_applies(desk_target) -> None:
    for change in changes():
        assert resolve(None, str(change.patch), desk_target).files
