"""What flipping an index or a setting shows: the reads that it speeds up, the writes it charges."""

from typing import Literal

import msgspec

from unslow.model.interval import Interval


class Change(msgspec.Struct, frozen=True):
    """An amount without and with the candidate."""

    before: float
    after: float


class FlippedStatement(msgspec.Struct, frozen=True):
    """One read, with values that it was observed with. `blocks` are shared buffers, hit or read.

    `same_plan`: the planner does the same with and without the candidate, so nothing was timed.
    """

    shape: str
    ms: Change
    blocks: Change
    rows_removed: Change  # read, and thrown away by a filter
    speedup: Interval | None = None
    same_plan: bool = False


class Flip(msgspec.Struct, frozen=True):
    """All reads that the candidate is for. `ms` is the database's time for a round of traffic.

    In each of the `repeats` every alternative ran in random order; `evidence` is the e-value.
    """

    statements: tuple[FlippedStatement, ...]
    ms: Change
    speedup: Interval | None = None
    evidence: float = 0.0
    repeats: int = 0


class WriteEffect(msgspec.Struct, frozen=True):
    """One kind of write, per row. `slowdown` is the time with the index to the time without.

    `hot` is the share of updated rows that no index had to be told of. `observed` rows of a round
    of traffic are written so; `columns` are those that an UPDATE sets.
    """

    kind: Literal["insert", "update"]
    microseconds: Change
    wal_bytes: Change
    slowdown: Interval | None = None
    hot: Change | None = None
    columns: tuple[str, ...] = ()
    observed: float = 0.0


class Writes(msgspec.Struct, frozen=True):
    """What one index costs the writes of its table, measured in rolled-back transactions.

    `unmeasured` says why a kind of write could not be tried. `ms_per_round` is what the observed
    writes of a round of traffic cost more, of those kinds that surely cost more.
    """

    index: str
    table: str
    index_bytes: int
    build_seconds: float
    effects: tuple[WriteEffect, ...] = ()
    unmeasured: tuple[str, ...] = ()
    ms_per_round: float = 0.0
