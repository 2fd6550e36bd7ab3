"""Copies the rows of every table, parents first, and goes on where a constraint forbids it."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

from unslow.lab.growth import _order, _shifts
from unslow.lab.growth._classes import Class, Classes, Plan
from unslow.lab.growth._copies import Attempt, Ground
from unslow.lab.growth._grown import Grown
from unslow.lab.growth._shifts import Shift, Texts
from unslow.lab.growth.catalogue import Catalogue, Column, ForeignKey, Table
from unslow.lab.seeding.seeding import is_bookkeeping

STYLES = 4  # ways to write other texts that are tried when a check refuses one

Places = Sequence[tuple[Table, Column]]


class Refused(Exception):
    """The database did not take rows; the text names the constraint."""

    def __init__(self, why: str, kind: Literal["conflict", "check", "other"] = "other") -> None:
        super().__init__(why)
        self.kind = kind


class Store(Protocol):
    """A database in whose transactions rows are copied. `is_free` tells that it checks no foreign
    key and runs no trigger meanwhile."""

    @property
    def catalogue(self) -> Catalogue: ...
    @property
    def is_free(self) -> bool: ...
    def transaction(self) -> AbstractContextManager[None]: ...
    def quiet(self, table: Table) -> AbstractContextManager[None]: ...
    def defer(self, table: Table, key: ForeignKey) -> None: ...
    def settle(self) -> None: ...
    def insert(self, table: Table, ground: Ground, attempt: Attempt) -> int: ...
    def holds(self, table: Table, key: ForeignKey) -> bool: ...
    def ends(self, places: Places) -> list[int]: ...
    def texts(self, places: Places) -> Texts: ...
    def move_sequences(self, table: Table) -> None: ...


def grow(store: Store, factor: int, first: int) -> tuple[Grown, ...]:
    """Make each table `factor` times as long as far as its constraints allow.

    Every table, or cycle of tables, is one transaction.
    """
    return _Growing(store, factor, first).run()


class _Failed(Exception):
    """A table of a group could not be copied."""

    def __init__(self, table: Table, why: str) -> None:
        super().__init__(why)
        self.table = table
        self.why = why


class _Growing:
    def __init__(self, store: Store, factor: int, first: int) -> None:
        self._store = store
        self._tables = store.catalogue.tables
        self._factor = factor
        self._first = first
        self._classes = Classes(store.catalogue)
        self._fixed = {one.name for one in self._tables if is_bookkeeping(one.name)}
        self._fixed |= {one.name for one in self._tables if not one.rows}
        self._partial: set[str] = set()
        self._shifts: dict[Class, Shift] = {}
        self._plan = Plan(frozenset(), {})
        self._why: dict[str, str] = {}
        self._made: dict[str, int] = {}

    def run(self) -> tuple[Grown, ...]:
        self._replan()
        for group in _order.groups(self._store.catalogue):
            self._copy_group(group)
        for table in self._tables:
            if self._made.get(table.name):
                self._store.move_sequences(table)
        return tuple(
            Grown(
                one.name,
                one.rows,
                one.rows + self._made.get(one.name, 0),
                self._why.get(one.name, ""),
            )
            for one in self._tables
        )

    def _replan(self) -> None:
        self._plan = self._classes.plan(self._fixed, self._plan.changed)
        for name, why in self._plan.left_out.items():
            self._why.setdefault(name, why)
        self._fixed |= self._plan.left_out.keys()
        for one in self._plan.changed:
            if one not in self._shifts:
                self._shifts[one] = self._shift(one)

    def _copy_group(self, group: Sequence[Table]) -> None:
        """Without a table that fails, the others of its group are tried anew."""
        while left := [one for one in group if one.name not in self._fixed]:
            try:
                with self._store.transaction():
                    made = self._copied(left)
            except _Failed as failed:
                self._why[failed.table.name] = failed.why
                self._fixed.add(failed.table.name)
                self._partial -= {one.name for one in left}
                self._replan()
            else:
                self._made |= made
                return

    def _copied(self, group: Sequence[Table]) -> dict[str, int]:
        store = self._store
        made: dict[str, int] = {}
        for position, table in enumerate(group):
            later = {one.name for one in group[position + 1 :]}
            ahead = [key for key in table.foreign if key.parent in later]
            kept = []
            for key in ahead if not store.is_free else ():
                if key.deferrable:
                    store.defer(table, key)
                else:
                    kept.append(key)
            with store.quiet(table):
                made[table.name] = self._insert(table, tuple(kept))
        try:
            store.settle()
        except Refused as refusal:
            raise _Failed(group[-1], str(refusal)) from refusal
        for table in group if store.is_free else ():
            for key in table.foreign:
                if key.validated and not store.holds(table, key):
                    raise _Failed(table, f"{key.name}: a row needs more copies of {key.parent}")
        return made

    def _insert(self, table: Table, kept: tuple[ForeignKey, ...]) -> int:
        """Copy the rows of one table. Raises `_Failed` with the constraint that forbids it."""
        wanted = table.rows * (self._factor - 1)
        refusal: Refused | None = None
        for attempt in self._attempts(table, kept):
            try:
                made = self._run(table, attempt)
            except Refused as error:
                refusal = refusal or error
                if error.kind == "other":
                    break
                continue
            if made == wanted:
                return made
            if made:
                self._why[table.name] = f"{made} of {wanted} new rows; {refusal}"
                self._partial.add(table.name)
                return made
        raise _Failed(table, str(refusal))

    def _attempts(self, table: Table, kept: tuple[ForeignKey, ...]) -> Iterator[Attempt]:
        """All rows in each style of texts, then the rows that no other has and no check refuses."""
        texts = [
            self._shifts[one]
            for column in table.columns
            if (one := self._classes.of(table.name, column.name)) in self._plan.changed
            and column.kind == "text"
        ]
        styles = min(STYLES, max((len(one.styles) for one in texts), default=1))
        yield from (Attempt(style, kept=kept) for style in range(styles))
        yield from (Attempt(style, True, kept=kept) for style in range(styles))
        if conditions := tuple(one.sql for one in table.checks):
            yield Attempt(0, True, conditions, kept)

    def _run(self, table: Table, attempt: Attempt) -> int:
        ground = Ground(
            self._classes,
            self._plan,
            self._shifts,
            self._factor,
            self._first,
            self._fixed,
            self._partial,
        )
        with self._store.transaction():
            return self._store.insert(table, ground, attempt)

    def _shift(self, wanted: Class) -> Shift:
        """How a class changes, from the values that it has."""
        places = list(self._classes.columns(wanted))
        kind = places[0][1].kind
        if kind == "text":
            texts = self._store.texts(places)
            found = _shifts.styles(texts, self._first + self._factor, self._factor)
            return Shift(kind, texts.highest + 1, found or ("hash",))
        if kind in ("uuid", "bytes"):
            return Shift(kind)
        ends = self._store.ends(places)
        return Shift(kind, max(ends) - min(ends) + 1 if ends else 1)
