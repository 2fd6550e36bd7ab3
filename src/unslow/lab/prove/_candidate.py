"""A patch that asks to be judged, and what came of it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from unslow.model import Calibration, Patch, Total, Verdict

if TYPE_CHECKING:
    from unslow.lab.prove.gate import Baseline


@dataclass(frozen=True)
class Candidate:
    """A patch under a name. `endpoints` (`METHOD route`) are the ones that it promises to speed up.

    `touches` are all endpoints seen to run the code that it changes, where that is known;
    `unharmed` use a table that it indexes and surely lose nothing (`bystanders`).
    Candidates with one `finding` are rivals where their patches' `covers` meet: at most one of
    them is kept.
    """

    key: str
    patch: Patch
    endpoints: tuple[str, ...]
    finding: str = ""
    touches: frozenset[str] = frozenset()
    unharmed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Proof:
    """The verdict of every candidate, by key, and the noise that they were measured in.

    `baseline` is what the unpatched application answered, for the combination's gate.
    """

    verdicts: dict[str, Verdict]
    calibration: Calibration | None = None
    baseline: "Baseline | None" = None


@dataclass(frozen=True)
class Combination:
    """All kept fixes together: `kept` are candidate keys, `dropped` says why others left."""

    total: Total
    kept: tuple[str, ...] = ()
    dropped: dict[str, str] = field(default_factory=dict)


def rivals(one: Candidate, other: Candidate) -> bool:
    """Two ways to cure the same cost: at most one of them can be kept."""
    return (
        one.key != other.key
        and one.finding != ""
        and one.finding == other.finding
        and not set(one.patch.covers).isdisjoint(other.patch.covers)
    )
