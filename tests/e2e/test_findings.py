"""Both shops, started by their own commands and observed: all that is planted, and nothing else."""

import sys
from functools import cache
from pathlib import Path

import pytest

from tests.e2e import expected
from tests.e2e.expected import Call, Slow
from unslow.demo.run import prepare as prepare_shop
from unslow.demo.run import source
from unslow.demo.seed import Flavour
from unslow.lab import plans
from unslow.lab._observation import observe, prepare
from unslow.lab.diagnose import diagnose
from unslow.lab.target import Lab, Target
from unslow.lab.workload import Wanted
from unslow.model import Finding
from unslow.progress import Silent

SIZE = "medium"  # large enough for each planted sort and filter to need its index

FLAVOURS: tuple[Flavour, ...] = ("django", "fastapi")
SLOW = [(flavour, slow) for flavour in FLAVOURS for slow in expected.read(flavour).slow]
CLEAN = [(flavour, clean) for flavour in FLAVOURS for clean in expected.read(flavour).clean]


def named(value: object) -> str:
    return f"{value.endpoint}-{value.form}" if isinstance(value, Call) else str(value)


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> object:
    @cache
    def of(flavour: Flavour, attempt: int = 1) -> tuple[frozenset[str], tuple[Finding, ...]]:
        folder = tmp_path_factory.mktemp("shop")
        progress = Silent()
        with prepare_shop(flavour, SIZE, folder) as shop:
            target = Target(shop.root, shop.command, Path(sys.executable), env=shop.env)
            with Lab(target, progress) as lab:
                workload, description = prepare(lab, Wanted(), "", progress)
                trace = observe(lab, workload, description, "", plans.collect, progress)
                exercised = frozenset(call.endpoint for call in workload.calls)
                return exercised, tuple(diagnose(trace, lab.read))

    return of


@pytest.mark.parametrize(("flavour", "call"), [*CLEAN, *SLOW], ids=named)
def test_the_endpoint_is_exercised_without_configuration(
    flavour: Flavour, call: Call, audited
) -> None:
    exercised, _ = audited(flavour)
    assert call.endpoint in exercised


@pytest.mark.parametrize(("flavour", "clean"), CLEAN, ids=named)
def test_silent_on_a_clean_endpoint(flavour: Flavour, clean: Call, audited) -> None:
    _, findings = audited(flavour)
    assert [finding.title for finding in findings if clean.endpoint in finding.endpoints] == []


@pytest.mark.parametrize(("flavour", "slow"), SLOW, ids=named)
def test_a_planted_form_is_found_at_its_expression(flavour: Flavour, slow: Slow, audited) -> None:
    text = (source(flavour) / slow.file).read_text()
    here: list[tuple[str, str]] = []
    for attempt in (1, 2):  # a wait of milliseconds can escape once on a busy machine
        _, findings = audited(flavour, attempt)
        if any(expected.is_found(slow, finding, text) for finding in findings):
            return
        here += [(f.id, f.title) for f in findings if slow.endpoint in f.endpoints]
    raise AssertionError(here)
