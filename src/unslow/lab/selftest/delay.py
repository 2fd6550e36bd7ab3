"""The known delays: which arms are slowed down, by how much, and how they are told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from unslow.lab.workload import Call
from unslow.model import DelayKind

VARIABLE = "UNSLOW_DELAY"  # read by observe/_delay.py in the application's processes
HEADER = "X-Unslow-Cost"
KINDS: tuple[DelayKind, ...] = ("cpu", "wait")


@dataclass(frozen=True)
class Delay:
    """A share of the endpoint's own cost, burnt as CPU time or spent asleep in each request."""

    kind: DelayKind
    share: float

    @property
    def arm(self) -> str:
        return f"{self.kind} +{self.share:.0%}"

    @property
    def env(self) -> dict[str, str]:
        """What an application that is to be slowed down finds in its environment."""
        return {VARIABLE: f"{self.kind}:{self.share:g}"}


DELAYS = (
    Delay("cpu", 0.1),  # the target is set on this one
    Delay("wait", 0.2),
    Delay("cpu", 0.05),
    Delay("wait", 0.1),
    Delay("cpu", 0.2),
)
"""In the order in which they are worth their time."""


@dataclass(frozen=True)
class Cost:
    """What a request costs without a delay, in milliseconds."""

    cpu_ms: float
    wall_ms: float

    @property
    def header(self) -> str:
        """CPU and wall time in nanoseconds, which the delay is a share of."""
        return f"{self.cpu_ms * 1e6:.0f} {self.wall_ms * 1e6:.0f}"


def priced(calls: Sequence[Call], costs: Mapping[str, Cost]) -> tuple[Call, ...]:
    """The calls with the cost of their endpoint in a header, the same for every arm."""
    return tuple(
        msgspec.structs.replace(call, headers={**call.headers, HEADER: costs[call.endpoint].header})
        for call in calls
        if call.endpoint in costs
    )
