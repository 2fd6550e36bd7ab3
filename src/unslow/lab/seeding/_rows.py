"""Makes the rows of a table: keys that exist, values that are unique, columns in order."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from unslow.lab.seeding import _fitting, _numbers, _values
from unslow.lab.seeding._making import Make, Unknown
from unslow.lab.seeding._numbers import WHOLE
from unslow.lab.seeding._order import Step, can_be_null
from unslow.lab.seeding.schema import Column, Facts, ForeignKey

Row = list[object]
Key = tuple[object, ...]

TRIES = 200  # for a row whose values are taken
PLAIN_TRIES = 5  # before a number is put into a value to make it unique
ROOTS = 0.1  # of a self-reference that may be null


class Exhausted(Exception):
    """There are no more rows that differ from those made."""


@dataclass
class Keys:
    """The keys that a foreign key may refer to."""

    all: list[Key] = field(default_factory=list)
    _indexes: dict[tuple[int, ...], defaultdict[Key, list[Key]]] = field(default_factory=dict)

    def add(self, key: Key) -> None:
        self.all.append(key)
        for places, index in self._indexes.items():
            index[tuple(key[place] for place in places)].append(key)

    def matching(self, fixed: Mapping[int, object]) -> Sequence[Key]:
        """Those with these values at these places."""
        if not fixed:
            return self.all
        places = tuple(fixed)
        if places not in self._indexes:
            index: defaultdict[Key, list[Key]] = defaultdict(list)
            for key in self.all:
                index[tuple(key[place] for place in places)].append(key)
            self._indexes[places] = index
        return self._indexes[places].get(tuple(fixed.values()), ())


@dataclass(frozen=True)
class _Cell:
    """How one column is made when no foreign key makes it."""

    place: int
    column: Column
    make: Make
    nulls: float
    fresh: Callable[[object, int], object] | None


class Rows:
    """Rows of one table, as many as are asked for, in the order of `columns`.

    `parents` holds the keys by the name of the foreign key; a self-reference takes them from the
    rows made before, or only from `parents` with `told`. Raises Unknown for a type that cannot be
    made.
    """

    def __init__(
        self, step: Step, parents: Mapping[str, Keys], rows: int, seed: str, *, told: bool = False
    ) -> None:
        self.table = step.table
        self.columns = tuple(one for one in step.table.written if _is_made(one))
        self._random = Random(seed)
        self._places = {column.name: place for place, column in enumerate(self.columns)}
        self._late = {key.name for key in step.late}
        self._foreign = sorted(
            (key for key in self.table.foreign if key.name not in self._late),
            key=lambda key: (key.parent == self.table.name, -len(key.columns), key.name),
        )
        self._parents = dict(parents)
        self._told = told
        for key in self._foreign:
            self._parents.setdefault(key.name, Keys())
        keyed = {name for key in self._foreign for name in key.columns}
        self._variants = [
            self._cells(keyed, rows, facts) for facts in self.table.partitions or ({},)
        ]
        self._unique = [
            (tuple(self._places[name] for name in one.columns), one.nulls_equal, set[Key]())
            for one in self.table.unique
            if all(name in self._places for name in one.columns)
        ]
        self._pools = {key.name: self._pool(key) for key in self._foreign if self._is_once(key)}
        self._even = self._evenly()
        self._drawn: list[tuple[str, Key]] = []  # from pools, for the row that is being made
        self._number = 0

    def take(self, count: int) -> Iterator[Row]:
        """The next `count` rows, fewer when there are no more."""
        for _ in range(count):
            try:
                yield self._row()
            except Exhausted:
                return

    def known(self, key: ForeignKey, keys: Keys) -> None:
        """The rows of the table itself that may be referred to from now on."""
        self._parents[key.name] = keys

    @property
    def once(self) -> tuple[ForeignKey, ...]:
        """The foreign keys that refer to each parent once."""
        return tuple(key for key in self._foreign if key.name in self._pools)

    def used(self, key: ForeignKey, keys: Collection[Key]) -> None:
        """Of a key in `once`: the parents that rows refer to; those of refused rows are free."""
        taken = set(keys)
        self._pools[key.name] = [one for one in self._parents[key.name].all if one not in taken]
        self._random.shuffle(self._pools[key.name])
        places = [self._places[name] for name in key.columns]
        for own, _, seen in self._unique:
            if set(own) <= set(places):
                seen.clear()
                order = [places.index(place) for place in own]
                seen.update(tuple(one[n] for n in order) for one in taken)

    def _cells(self, keyed: set[str], rows: int, facts: Mapping[str, Facts]) -> list[_Cell]:
        found = []
        for place, column in enumerate(self.columns):
            if column.name in keyed:
                continue
            more = facts.get(column.name, Facts())
            nulls = _values.null_share(column, more)
            if column.name in self._late_columns() and column.null:
                found.append(_Cell(place, column, _nothing, 1.0, None))
                continue
            make: Make
            if self._is_number(column):
                make = _counter(*_numbers.limits(column, column.facts & more))
            else:
                try:
                    make = _values.maker(self.table.name, column, rows, more)
                except Unknown:
                    if not column.null:
                        raise
                    make, nulls = _nothing, 1.0
            fresh = _fitting.fresh(column, column.facts & more)
            found.append(_Cell(place, column, make, nulls, fresh))
        return found

    def _late_columns(self) -> set[str]:
        keyed = {name for key in self._foreign for name in key.columns}
        late = (key for key in self.table.foreign if key.name in self._late)
        return {name for key in late for name in key.columns} - keyed

    def _is_number(self, column: Column) -> bool:
        """Whether the column counts the rows: a key that the database would number."""
        is_whole = column.type.kind == "base" and column.type.name in WHOLE
        if not is_whole or column.facts.values:
            return False
        return bool(column.sequence) or any(
            one.columns == (column.name,) for one in self.table.unique
        )

    def _is_once(self, key: ForeignKey) -> bool:
        """Whether a key that is referred to once may not be referred to again."""
        return any(set(one.columns) <= set(key.columns) for one in self.table.unique)

    def _pool(self, key: ForeignKey) -> list[Key]:
        keys = list(self._parents[key.name].all)
        self._random.shuffle(keys)
        return keys

    def _evenly(self) -> set[str]:
        """Foreign keys in a longer unique constraint: all parents are needed to make enough."""
        return {
            key.name
            for key in self._foreign
            for one in self.table.unique
            if set(one.columns) & set(key.columns)
        }

    def _row(self) -> Row:
        for attempt in range(TRIES):
            row: Row = [None] * len(self.columns)
            self._drawn.clear()
            if self._place(row, attempt) and not self._taken(row):
                self._number += 1
                self._learn(row)
                return row
            for name, parent in self._drawn:
                self._pools[name].insert(0, parent)
        raise Exhausted

    def _place(self, row: Row, attempt: int) -> bool:
        """Fill a row; false when no key fits the others."""
        random, number = self._random, self._number + 1
        fixed: set[int] = set()
        others = [key for key in self._foreign if key.parent != self.table.name]
        if not all(self._refer(key, row, fixed) for key in others):
            return False
        cells = self._variants[random.randrange(len(self._variants))]
        for cell in cells:
            if cell.nulls and random.random() < cell.nulls:
                continue
            value = cell.make(random, number)
            if attempt >= PLAIN_TRIES and cell.fresh and self._is_unique(cell.place):
                value = cell.fresh(value, number + attempt - PLAIN_TRIES)
            row[cell.place] = value
        self._arrange(row, fixed)
        own = [key for key in self._foreign if key.parent == self.table.name]
        return all(self._refer(key, row, fixed) for key in own)

    def _refer(self, key: ForeignKey, row: Row, fixed: set[int]) -> bool:
        places = [self._places[name] for name in key.columns]
        given = {n: row[place] for n, place in enumerate(places) if place in fixed}
        if None in given.values():
            return not key.full
        is_own = key.parent == self.table.name
        is_free = can_be_null(self.table, key)
        share = ROOTS if is_own else self._null_share(key)
        if is_free and self._random.random() < share:
            return self._leave(key, row, fixed)
        chosen = self._choose(key, given)
        if chosen is None and is_own and not is_free:
            chosen = self._itself(key, row)
        if chosen is None:
            return is_free and self._leave(key, row, fixed)
        for place, value in zip(places, chosen, strict=True):
            row[place] = value
            fixed.add(place)
        return True

    def _leave(self, key: ForeignKey, row: Row, fixed: set[int]) -> bool:
        """Refer to nothing: what may be null is, the rest is what the other keys made of it."""
        for name in key.columns:
            place = self._places[name]
            if place in fixed:
                continue
            column = self.columns[place]
            if not column.null:
                row[place] = _values.maker(self.table.name, column, 1)(self._random, self._number)
            fixed.add(place)
        return True

    def _null_share(self, key: ForeignKey) -> float:
        return max(_values.null_share(self.table.column(name)) for name in key.columns)

    def _choose(self, key: ForeignKey, given: Mapping[int, object]) -> Key | None:
        if key.name in self._pools and not given:
            pool = self._pools[key.name]
            if not pool and can_be_null(self.table, key):
                return None
            if not pool:
                raise Exhausted
            self._drawn.append((key.name, pool.pop()))
            return self._drawn[-1][1]
        keys = self._parents[key.name].matching(given)
        if not keys:
            return None
        if key.name in self._even or key.parent == self.table.name:
            return keys[self._random.randrange(len(keys))]
        # A few parents have many rows and many have few, as in most data.
        return keys[int(len(keys) * self._random.random() ** 2)]

    def _itself(self, key: ForeignKey, row: Row) -> Key | None:
        places = [self._places[name] for name in key.parent_columns if name in self._places]
        return tuple(row[place] for place in places) if len(places) == len(key.columns) else None

    def _arrange(self, row: Row, fixed: set[int]) -> None:
        """Exchange two values that a check wants the other way round."""
        for order in self.table.orders:
            low, high = self._places.get(order.low), self._places.get(order.high)
            if low is None or high is None or {low, high} & fixed:
                continue
            one, other = row[low], row[high]
            if one is None or other is None or type(one) is not type(other):
                continue
            if other < one:  # type: ignore[operator]
                row[low], row[high] = other, one

    def _taken(self, row: Row) -> bool:
        keys = []
        for places, nulls_equal, seen in self._unique:
            key = tuple(row[place] for place in places)
            if None in key and not nulls_equal:
                continue
            hashed = tuple(str(one) if isinstance(one, list) else one for one in key)
            if hashed in seen:
                return True
            keys.append((seen, hashed))
        for seen, hashed in keys:
            seen.add(hashed)
        return False

    def _is_unique(self, place: int) -> bool:
        return any(place in places for places, _, _ in self._unique)

    def _learn(self, row: Row) -> None:
        """Let later rows refer to this one."""
        if self._told:
            return
        for key in self._foreign:
            if key.parent == self.table.name:
                itself = self._itself(key, row)
                if itself is not None and None not in itself:
                    self._parents[key.name].add(itself)


def _is_made(column: Column) -> bool:
    """Whether a value is written; a type that nobody knows is left to its default."""
    if not column.has_default or column.sequence:
        return True
    try:
        _values.maker("", column, 1)
    except Unknown:
        return False
    return True


def _counter(lowest: int, highest: int) -> Make:
    first = 1 if lowest <= 1 <= highest else lowest

    def make(random: Random, number: int) -> object:
        if first + number - 1 > highest:
            raise Exhausted
        return first + number - 1

    return make


def _nothing(random: Random, number: int) -> object:
    return None
