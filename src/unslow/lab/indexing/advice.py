"""What the advice consists of: indexes to make, those that were tried in vain, those to drop."""

import msgspec

from unslow.model import Change, Flip, Writes


class Advised(msgspec.Struct, frozen=True):
    """An index to make. `cost` is the planner's for a round of the statements, without it and with
    it beside the others; `ms` is what was measured, None where nothing was executed."""

    sql: str
    table: str
    bytes: int
    cost: Change
    ms: Change | None = None
    statements: tuple[str, ...] = ()  # shapes that it changes, those that gain most first
    writes: Writes | None = None
    evidence: float = 0.0


class Left(msgspec.Struct, frozen=True):
    """An index that was tried, or a statement that was not, and why."""

    what: str
    reason: str


class Existing(msgspec.Struct, frozen=True):
    """An index of the database that is not worth its upkeep."""

    detector: str
    name: str
    table: str
    definition: str
    bytes: int
    reason: str
    sql: str


class Advice(msgspec.Struct, frozen=True):
    """`cost` is the planner's for a round of all statements, `ms` what was measured of those that
    could be executed. `hypothetical`: why nothing was executed, "" where it was."""

    statements: int
    executions: float
    oracle: str
    planner_calls: int
    seconds: float
    cost: Change
    bytes: int
    indexes: tuple[Advised, ...] = ()
    rejected: tuple[Left, ...] = ()
    existing: tuple[Existing, ...] = ()
    left_out: tuple[Left, ...] = ()
    flip: Flip | None = None
    hypothetical: str = ""
    is_complete: bool = True
