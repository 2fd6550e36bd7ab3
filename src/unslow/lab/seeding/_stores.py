"""What filling a database asks of it, whichever it is."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from unslow.errors import UnslowError
from unslow.lab.seeding.schema import Column, ForeignKey, Table


class Refused(UnslowError):
    """The database did not take rows; the message names the constraint."""


class Store(Protocol):
    """An open database, in one transaction. Every call may raise `Refused`."""

    def savepoint(self) -> AbstractContextManager[None]:
        """What happens inside is undone by an exception."""

    def has_rows(self, table: Table) -> bool: ...

    def copy(
        self, table: Table, columns: Sequence[Column], rows: Iterable[Sequence[object]]
    ) -> int:
        """Insert all rows, or raise."""

    def sieve(
        self, table: Table, columns: Sequence[Column], rows: Sequence[Sequence[object]], most: int
    ) -> int:
        """Insert the rows that the constraints allow, at most so many; the number of them."""

    def clear(self, table: Table) -> None:
        """Remove all rows."""

    def defer(self, table: Table, key: ForeignKey) -> None:
        """Check this foreign key at the end."""

    def refusal(
        self, table: Table, columns: Sequence[Column], rows: Sequence[Sequence[object]]
    ) -> str:
        """The constraint that refuses most of these rows."""

    def keys(self, table: Table, columns: Sequence[str]) -> list[tuple[object, ...]]:
        """The values of these columns in every row that has them, in a fixed order."""

    def refer(
        self, table: Table, key: ForeignKey, chosen: Iterator[tuple[object, ...] | None]
    ) -> None:
        """Set a foreign key in every row, in the order of its primary key."""

    def settle(self, tables: Sequence[Table]) -> None:
        """Check what was deferred, move sequences on, and take statistics."""
