"""What each endpoint spends of its budget: exact counters, and its slowdown against a base."""

from typing import Literal

import msgspec

from unslow.model.interval import Interval
from unslow.model.site import Site

Counter = Literal["queries", "rows", "bytes"]
COUNTERS: tuple[Counter, ...] = ("queries", "rows", "bytes")


class Spender(msgspec.Struct, frozen=True):
    """A statement of the costliest call: how often it ran and the rows it gave.

    `cause` is the expression to change, where a finding names it, else the application line that
    ran the statement. `base` is how often the same call ran it on the base; None without one.
    """

    shape: str
    count: int
    rows: int
    cause: Site | None = None
    base: int | None = None


class Spent(msgspec.Struct, frozen=True):
    """The most that one call of an endpoint took of one counter.

    `limit` is None where no budget is set, `glob` the entry that sets it. `base` is the same on
    the base; None without one, or where the base lacks the endpoint. `call` is the call without
    its values ("2 of 4: orders/?page=…"). `at_least` tells that a driver did not count all rows.
    """

    counter: Counter
    found: int
    limit: int | None = None
    glob: str = ""
    base: int | None = None
    call: str = ""
    at_least: bool = False
    spenders: tuple[Spender, ...] = ()

    @property
    def exceeded(self) -> bool:
        return self.limit is not None and self.found > self.limit


class Slowdown(msgspec.Struct, frozen=True):
    """The measured slowdown of one endpoint against the base, and how much of it is allowed.

    `speedup` is base/head as everywhere: 0.8 is a slowdown of 25 %. "exceeded" needs the lower
    bound of the slowdown to pass `limit`; "open" means that it may be past it, and was not shown.
    `reason` says why nothing was measured.
    """

    limit: float  # 0.05 is 5 %
    glob: str
    status: Literal["within", "exceeded", "open", "not-measured"]
    speedup: Interval | None = None
    pairs: int = 0
    metric: Literal["cpu", "wall"] = "cpu"
    reason: str = ""


class EndpointBudget(msgspec.Struct, frozen=True):
    """An endpoint with what its calls spend. `view` is the function that answers."""

    endpoint: str
    calls: int
    counters: tuple[Spent, ...]
    time: Slowdown | None = None
    view: Site | None = None
    is_new: bool = False  # the base does not answer it

    @property
    def budgeted(self) -> bool:
        return self.time is not None or any(one.limit is not None for one in self.counters)

    @property
    def exceeded(self) -> bool:
        slower = self.time is not None and self.time.status == "exceeded"
        return slower or any(one.exceeded for one in self.counters)


class Budget(msgspec.Struct, frozen=True):
    """All endpoints against their budgets, those that exceed it first.

    `base` names the revision compared with, or is empty. `unchecked` are endpoints with a budget
    that could not be exercised; the report's `skipped` says why.
    """

    endpoints: tuple[EndpointBudget, ...]
    base: str = ""
    head: str = ""
    unchecked: tuple[str, ...] = ()

    @property
    def exceeded(self) -> tuple[EndpointBudget, ...]:
        return tuple(one for one in self.endpoints if one.exceeded)
