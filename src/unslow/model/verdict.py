"""What the measurement says of a patch."""

from typing import Literal

import msgspec

from unslow.model.interval import Interval
from unslow.model.load import UnderLoad
from unslow.model.writes import Flip, Writes

VerdictKind = Literal[
    "proven", "harmless", "no-gain", "slower", "different", "failed", "inconclusive", "not-run"
]


class Counters(msgspec.Struct, frozen=True):
    """An exact counter per request, before and after."""

    before: float
    after: float


class Responses(msgspec.Struct, frozen=True):
    """How many responses were compared and equal, what was masked, what differed first.

    `unused_masks` are those of the user that met nothing.
    """

    compared: int
    equal: int
    masked: tuple[str, ...] = ()
    first_difference: str = ""
    unused_masks: tuple[str, ...] = ()


class Distribution(msgspec.Struct, frozen=True):
    """CPU or wall milliseconds per request of one arm, per launch, for the report's charts."""

    before: tuple[float, ...] = ()
    after: tuple[float, ...] = ()


class EndpointEffect(msgspec.Struct, frozen=True):
    """The measured effect on one endpoint (a target of the patch, or a guarded bystander).

    Where two versions are compared each endpoint has a `verdict` of its own.
    """

    endpoint: str
    speedup: Interval | None
    evidence: float  # the e-value
    role: Literal["target", "guard"]
    queries: Counters | None = None
    samples: Distribution = Distribution()
    rows: Counters | None = None
    bytes: Counters | None = None
    verdict: VerdictKind | None = None


class Calibration(msgspec.Struct, frozen=True):
    """The A/A noise of this machine: standard deviation of the per-pair log ratio."""

    noise: float
    waiting_share: float
    smallest_detectable: float  # a gain as a fraction: 0.04 is 4 %
    pairs: int


class Verdict(msgspec.Struct, frozen=True):
    """The judgement with everything that backs it. `reason` is one sentence.

    `beside` is the number of other fixes that were in place before and after. A fix that makes the
    code right is "harmless" when the answers are the same and nothing is slower; nobody claims
    that it is faster.
    """

    verdict: VerdictKind
    reason: str = ""
    speedup: Interval | None = None
    evidence: float = 0.0
    queries: Counters | None = None
    launches: int = 0
    requests: int = 0
    responses: Responses | None = None
    effects: tuple[EndpointEffect, ...] = ()
    smallest_detectable: float | None = None
    replicated: bool | None = None
    metric: Literal["cpu", "wall"] = "cpu"
    beside: int = 0
    load: UnderLoad | None = None  # for claims about waiting and capacity
    flip: Flip | None = None  # of indexes and settings: their statements, flipped
    unit: Literal["launch pair", "block"] = "launch pair"  # of the statistics; `launches` of them
    uncounted: str = ""  # the CPU that is not seen, so that wall time decides
    writes: tuple[Writes, ...] = ()  # what each index charges the writes of its table
