"""Fills the empty tables of a database with plausible rows, the same ones for the same seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from unslow.lab.seeding import _order
from unslow.lab.seeding._making import Unknown
from unslow.lab.seeding._order import Step
from unslow.lab.seeding._rows import Key, Keys, Rows
from unslow.lab.seeding._stores import Refused, Store
from unslow.lab.seeding._values import NULLS
from unslow.lab.seeding.schema import Column, ForeignKey, Schema, Table
from unslow.progress import Progress

CANDIDATES = 40  # rows made for each row wanted, before a check counts as unsatisfiable
HOPELESS = 10_000  # rows of which none was taken
BATCHES = 100
LEAST_BATCH = 500
MOST_BATCH = 20_000
BOOKKEEPING = {
    "django_migrations",
    "django_content_type",
    "django_site",
    "django_session",
    "django_admin_log",
    "auth_permission",
    "alembic_version",
}


@dataclass(frozen=True)
class Filled:
    """What became of a table. `why` says why it has no new rows, or fewer than were asked for;
    `late` names the columns that were set after the table they refer to was filled."""

    table: Table
    columns: tuple[Column, ...] = ()
    rows: int = 0
    why: str = ""
    late: tuple[ForeignKey, ...] = ()


def fill(
    store: Store, schema: Schema, rows: int, seed: int, progress: Progress
) -> tuple[Filled, ...]:
    """Fill every empty table with `rows` rows, as far as its constraints allow.

    Tables that have rows are left as they are, and referred to. Raises `Refused` when what was
    deferred cannot be satisfied.
    """
    return _Filling(store, schema, rows, seed, progress).run()


class _Filling:
    def __init__(
        self, store: Store, schema: Schema, rows: int, seed: int, progress: Progress
    ) -> None:
        self._store = store
        self._schema = schema
        self._rows = rows
        self._seed = seed
        self._progress = progress
        self._done: dict[str, Filled] = {}
        self._keys: dict[tuple[str, tuple[str, ...]], list[Key]] = {}

    def run(self) -> tuple[Filled, ...]:
        wanted = []
        for table in self._schema.tables:
            if table.has_rows or is_bookkeeping(table.name):
                self._done[table.name] = Filled(table, why="has rows" if table.has_rows else "")
            else:
                wanted.append(table)
        plan = _order.plan(wanted)
        for table in wanted:
            if table.name in plan.left_out:
                self._done[table.name] = Filled(table, why=plan.left_out[table.name])
        self._progress.stage("fill tables", len(plan.steps))
        for step in plan.steps:
            self._progress.step(step.table.name)
            for key in step.late:
                if not _order.can_be_null(step.table, key):
                    self._store.defer(step.table, key)
            self._done[step.table.name] = self._fill(step)
        for step in plan.steps:
            if step.late:
                self._refer(step)
        tables = [one.table for one in self._done.values() if one.rows]
        with self._store.savepoint():
            self._store.settle(tables)
        return tuple(self._done.values())

    def _fill(self, step: Step) -> Filled:
        table = step.table
        if self._store.has_rows(table):
            return Filled(table, why="a trigger has filled it")
        if why := self._missing(step):
            return Filled(table, why=why)
        try:
            columns, rows, why = self._insert(step)
        except (Refused, Unknown) as error:
            return Filled(table, why=str(error))
        return Filled(table, columns, rows, why, step.late)

    def _missing(self, step: Step) -> str:
        """The table that this one needs and that has no rows; "" if there is none."""
        for key in step.table.foreign:
            if key in step.late or key.parent == step.table.name:
                continue
            if not self._parents(key) and not _order.can_be_null(step.table, key):
                return f"needs {key.parent}, which has no rows"
        return ""

    def _parents(self, key: ForeignKey) -> list[Key]:
        place = key.parent, key.parent_columns
        if place not in self._keys:
            known = {table.name: table for table in self._schema.tables}
            parent = known.get(key.parent)
            self._keys[place] = self._store.keys(parent, key.parent_columns) if parent else []
        return self._keys[place]

    def _generator(self, step: Step, *, told: bool) -> Rows:
        parents = {
            key.name: Keys(list(self._parents(key)))
            for key in step.table.foreign
            if key not in step.late and key.parent != step.table.name
        }
        seed = f"{self._seed}:{step.table.name}"
        return Rows(step, parents, self._rows, seed, told=told)

    def _insert(self, step: Step) -> tuple[tuple[Column, ...], int, str]:
        rows = self._generator(step, told=False)
        try:
            with self._store.savepoint():
                count = self._store.copy(step.table, rows.columns, rows.take(self._rows))
        except Refused as refusal:
            return self._sift(step, str(refusal))
        if not count:
            return rows.columns, 0, "no row can be made: the keys it needs are all used"
        why = "there are no more combinations of its unique values" if count < self._rows else ""
        return rows.columns, count, why

    def _sift(self, step: Step, refusal: str) -> tuple[tuple[Column, ...], int, str]:
        """Offer rows until enough are taken: for checks that say no more than yes or no."""
        table = step.table
        rows = self._generator(step, told=True)
        own = [key for key in rows.table.foreign if key.parent == table.name]
        count = offered = 0
        batch: list[list[object]] = []
        with self._store.savepoint():
            for _ in range(BATCHES):
                if count >= self._rows or offered >= CANDIDATES * max(self._rows, LEAST_BATCH):
                    break
                size = min(MOST_BATCH, max(LEAST_BATCH, 2 * (self._rows - count)))
                made = list(rows.take(size))
                if not made or (not count and offered >= HOPELESS):
                    break
                batch = made
                offered += len(batch)
                count += self._store.sieve(table, rows.columns, batch, self._rows - count)
                for key in own:
                    rows.known(key, Keys(self._store.keys(table, key.parent_columns)))
                for key in rows.once:
                    rows.used(key, self._store.keys(table, key.columns))
            why = "" if count >= self._rows else self._store.refusal(table, rows.columns, batch)
        why = why or (refusal if count < self._rows else "")
        if not count:
            raise Refused(why)
        return rows.columns, count, why

    def _refer(self, step: Step) -> None:
        """Set the foreign keys that had to wait."""
        for key in step.late:
            done = self._done[step.table.name]
            if not done.rows:
                return
            random = Random(f"{self._seed}:{step.table.name}:{key.name}")
            chosen = _choices(step.table, key, self._parents(key), random)
            try:
                with self._store.savepoint():
                    self._store.refer(step.table, key, chosen)
            except Refused as refusal:
                self._give_up(done, key, str(refusal))

    def _give_up(self, done: Filled, key: ForeignKey, why: str) -> None:
        """Leave a key unset where it may be null, else the table without rows."""
        if _order.can_be_null(done.table, key):
            self._done[done.table.name] = replace(done, why=f"{key.name} is not set: {why}")
            return
        with self._store.savepoint():
            self._store.clear(done.table)
        self._done[done.table.name] = Filled(done.table, why=f"{key.name} cannot be set: {why}")


def _choices(
    table: Table, key: ForeignKey, parents: Sequence[Key], random: Random
) -> Iterator[Key | None]:
    """A parent for each row; none twice where the key is unique."""
    if any(set(one.columns) <= set(key.columns) for one in table.unique):
        yield from random.sample(parents, len(parents))
        return
    is_free = _order.can_be_null(table, key)
    while True:
        is_null = not parents or (is_free and random.random() < NULLS)
        yield None if is_null else random.choice(parents)


def is_bookkeeping(table: str) -> bool:
    """Whether a framework itself fills the table."""
    return table.rpartition(".")[2] in BOOKKEEPING
