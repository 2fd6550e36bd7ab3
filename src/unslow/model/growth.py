"""How an endpoint's counters grow with the rows of its tables."""

from typing import Literal

import msgspec

GrowthClass = Literal["constant", "logarithmic", "linear", "quadratic"]
GrowthCounter = Literal["queries", "rows_read", "rows_returned", "blocks", "bytes"]


class Fit(msgspec.Struct, frozen=True):
    """The candidate that explains a counter best: `intercept + slope * f(size)`.

    `residual` is the root mean square of what it leaves, as a share of the counter's range;
    `residuals` has that of every candidate. `at_10` and `at_100` are the counter at ten and a
    hundred times the rows that there are now.
    """

    growth: GrowthClass
    intercept: float
    slope: float
    residual: float
    residuals: dict[str, float]
    at_10: float
    at_100: float


class StatementGrowth(msgspec.Struct, frozen=True):
    """One statement of an endpoint at each size, per request. `read` is 0 where it is not known."""

    fingerprint: str
    executions: tuple[float, ...]
    returned: tuple[float, ...]
    read: tuple[float, ...]


class Growth(msgspec.Struct, frozen=True):
    """An endpoint at several sizes of its data: multiples of what there is now.

    `rows_read` and `blocks` are what the statements' executed plans tell; None where the database
    does not tell. `values` are means over the same calls at each size.
    """

    sizes: tuple[int, ...]
    queries: GrowthClass
    rows_returned: GrowthClass
    bytes: GrowthClass
    rows_read: GrowthClass | None = None
    blocks: GrowthClass | None = None
    values: dict[GrowthCounter, tuple[float, ...]] = {}
    fits: dict[GrowthCounter, Fit] = {}


class EndpointGrowth(msgspec.Struct, frozen=True):
    """`endpoint` is `METHOD route`."""

    endpoint: str
    growth: Growth
    statements: tuple[StatementGrowth, ...] = ()


class UngrownTable(msgspec.Struct, frozen=True):
    """A table with fewer rows than the size says, and the constraint that forbids more."""

    table: str
    why: str


class GrownData(msgspec.Struct, frozen=True):
    """The data that the audit looked at: the rows of all tables at each size."""

    sizes: tuple[int, ...]
    rows: tuple[int, ...]
    ungrown: tuple[UngrownTable, ...] = ()
