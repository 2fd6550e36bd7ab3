"""What became of a table that was to be copied."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Grown:
    """`why` names the constraint that kept the table from growing, or from growing in full."""

    table: str
    before: int
    after: int
    why: str = ""
