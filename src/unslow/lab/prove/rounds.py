"""The whole proof: each fix alone, the undecided ones beside the proven, then all together."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

from unslow.lab.patching import Read
from unslow.lab.prove._candidate import Candidate, Combination, Proof, rivals
from unslow.lab.prove._traffic import Traffic
from unslow.lab.prove.bundle import compatible
from unslow.lab.prove.combine import choose, combine
from unslow.lab.prove.evidence import PROVEN_EVIDENCE
from unslow.lab.prove.proving import prove
from unslow.lab.prove.schedule import SignIn
from unslow.lab.prove.session import deadline
from unslow.lab.prove.sieve import Sieved, is_index, sieve
from unslow.lab.target import Lab
from unslow.lab.workload import Workload
from unslow.progress import Progress

SIEVE_SHARE = 0.1  # of the budget at most; it spares the launches of what does not gain
ALONE_SHARE = 0.42  # of the budget
BESIDE_END = 0.68  # of the budget is over when the second round is; the rest is the combination's


def prove_all(
    lab: Lab,
    workload: Workload,
    candidates: Sequence[Candidate],
    *,
    budget_s: float,
    progress: Progress,
    seed: int = 0,
    sign_in: SignIn | None = None,
    traffic: Traffic | None = None,
) -> tuple[Proof, Combination]:
    """Every candidate's verdict, and what those that are kept gain together, in `budget_s`.

    A fix that saves a tenth of a page is lost in the page's noise. It is asked again beside the
    fixes that are proven, where the same saving is a larger part of what is left. With
    `traffic`, what the application was seen to ask of its database, indexes are flipped first and
    only those that gain are launched. Raises `UnslowError` when the unpatched application fails.
    """
    seconds_left = deadline(budget_s)
    sieved = Sieved(tuple(candidates))
    if traffic is not None and any(is_index(one.patch) for one in candidates):
        with lab.databases() as databases:
            sieved = sieve(
                databases,
                candidates,
                traffic,
                budget_s=budget_s * SIEVE_SHARE,
                progress=progress,
                random=Random(seed),
            )

    def judged(some: Sequence[Candidate], end: float, beside: Sequence[Candidate] = ()) -> Proof:
        return prove(
            lab,
            workload,
            some,
            budget_s=seconds_left() - budget_s * (1 - end),
            progress=progress,
            seed=seed,
            sign_in=sign_in,
            beside=beside,
            others={key: one.evidence for key, one in proof.verdicts.items() if one.launches},
        )

    proof = Proof({})
    if sieved.passed:
        proof = judged(sieved.passed, ALONE_SHARE)
    kept, _ = choose(sieved.passed, proof, lab, workload)
    open_ones = list(undecided(sieved.passed, proof, kept, lab.read))
    if kept and open_ones:
        again = judged(open_ones, BESIDE_END, kept)
        decided = {key: one for key, one in again.verdicts.items() if one.verdict != "inconclusive"}
        proof = replace(proof, verdicts=proof.verdicts | decided)
    proof = replace(proof, verdicts=sieved.backed(proof.verdicts | sieved.verdicts))
    combination = combine(
        lab,
        workload,
        candidates,
        proof,
        budget_s=seconds_left(),
        progress=progress,
        seed=seed,
        sign_in=sign_in,
    )
    return proof, combination


def undecided(
    candidates: Sequence[Candidate], proof: Proof, kept: Sequence[Candidate], read: Read
) -> Iterator[Candidate]:
    """The candidates that lacked evidence and could join those that are kept."""
    for one in candidates:
        verdict = proof.verdicts[one.key]
        lacking = verdict.verdict == "inconclusive" and verdict.evidence < PROVEN_EVIDENCE
        rivalled = any(rivals(one, other) for other in kept)
        if lacking and not rivalled and compatible([*kept, one], read):
            yield one
