"""What the user may choose when two versions are compared."""

from dataclasses import dataclass, field
from typing import Literal

from unslow.lab.workload import Wanted

MAX_SLOWDOWN = 0.05  # of an endpoint's cost
Measure = Literal["cpu", "latency", "throughput"]


@dataclass(frozen=True)
class Options:
    """`budget_s` bounds the gates and the measurement; `max_slowdown` 0.05 is 5 %."""

    wanted: Wanted = field(default_factory=Wanted)
    login: str = ""
    budget_s: float = 300.0
    max_slowdown: float = MAX_SLOWDOWN
    seed: int = 0
    measure: Measure = "cpu"
