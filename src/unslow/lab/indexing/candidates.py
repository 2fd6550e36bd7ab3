"""Makes candidate indexes of what statements want: equality first, then range or order."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from unslow.lab.indexing.catalogue import Column, StandingIndex, Table
from unslow.lab.indexing.wants import Want, quoted

MOST_EQUAL = 3  # columns; a fourth rarely narrows further and every one costs on write
MOST_RANGES = 3  # range columns of one statement that are tried, the most selective first
MOST_COVERED = 6  # columns that an index holds for reading alone
WIDEST_BYTES = 160  # of an index entry; a wider one saves little against the table's rows
RARE = 0.5  # the share of rows below which a condition makes a partial index worth trying
MIN_ROWS = 1000  # a smaller table is read faster than an index is searched
NAME_BYTES = 63


@dataclass(frozen=True)
class Candidate:
    """An index that does not exist yet. `keys` are columns, `-` before one that descends;
    `included` are columns to be read from the index alone."""

    table: str
    relation: str
    keys: tuple[str, ...]
    included: tuple[str, ...] = ()
    predicate: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(key.lstrip("-") for key in self.keys)

    @property
    def held(self) -> frozenset[str]:
        """All columns that can be read from it."""
        return frozenset((*self.columns, *self.included))

    @property
    def name(self) -> str:
        text = "_".join((self.relation, *self.columns))
        if self.included or self.predicate or len(text) > NAME_BYTES - 4 or "-" in str(self.keys):
            mark = blake2b(self.sql("").encode(), digest_size=3).hexdigest()
            text = f"{text[: NAME_BYTES - 11]}_{mark}"
        return f"{text}_idx"

    def sql(self, name: str | None = None, *, concurrently: bool = False) -> str:
        """The statement that makes it."""
        keys = ", ".join(
            f"{quoted(key.lstrip('-'))}{' DESC' * key.startswith('-')}" for key in self.keys
        )
        words = ["CREATE INDEX"]
        words += ["CONCURRENTLY"] * concurrently
        words += [quoted(self.name if name is None else name)] if name != "" else []
        words += [f"ON {self.table} ({keys})"]
        if self.included:
            words.append(f"INCLUDE ({', '.join(map(quoted, self.included))})")
        if self.predicate:
            words.append(f"WHERE {self.predicate}")
        return " ".join(words)

    def covers(self, other: "Candidate") -> bool:
        """Whether it serves all that the other one does: the other is its beginning."""
        return (
            self.table == other.table
            and self.predicate == other.predicate
            and self.keys[: len(other.keys)] == other.keys
            and {*other.included} <= {*self.columns, *self.included}
        )


def candidates(wants: Sequence[Want], constants: Sequence[tuple[Want, str]]) -> list[Candidate]:
    """Every index that the wants of the workload ask for, those most often asked for first.

    `constants` are conditions with a value that the workload never varies, as SQL. What an existing
    index serves already is left out, and of tables that are small.
    """
    counted: Counter[Candidate] = Counter()
    for want in wants:
        if want.table.rows < MIN_ROWS:
            continue
        own = [text for one, text in constants if one is want]
        counted.update(set(_of_want(want, own)))
    found = [one for one, _ in counted.most_common()]
    tables = {want.table.name: want.table for want in wants}
    return [one for one in found if not any(serves(old, one) for old in tables[one.table].indexes)]


def serves(old: StandingIndex, new: Candidate) -> bool:
    """Whether an existing index has all that the candidate would."""
    descending = [key.startswith("-") for key in new.keys]
    if old.method != "btree" or old.predicate or len(set(descending)) > 1:
        return False
    held = {*old.columns, *old.included}
    return old.columns[: len(new.keys)] == new.columns and set(new.included) <= held


def merged(one: Candidate, other: Candidate) -> Candidate | None:
    """One index for both, where the keys of one begin the other's; None where they do not."""
    longer, shorter = sorted((one, other), key=lambda each: -len(each.keys))
    if (one.table, one.predicate) != (other.table, other.predicate):
        return None
    if longer.keys[: len(shorter.keys)] != shorter.keys:
        return None
    rest = dict.fromkeys((*longer.included, *shorter.included))
    included = tuple(sorted(name for name in rest if name not in longer.columns))
    return Candidate(longer.table, longer.relation, longer.keys, included, longer.predicate)


def _of_want(want: Want, constants: Sequence[str]) -> Iterator[Candidate]:
    table = want.table
    predicates = ["", *_rare(want), *constants]
    for keys in dict.fromkeys(_key_lists(want)):
        plain = tuple(key.lstrip("-") for key in keys)
        known = [table.columns.get(name) for name in plain]
        if not plain or any(one is None or not one.is_ordered for one in known):
            continue
        if len(set(plain)) < len(plain):
            continue
        for predicate in predicates:
            rest = _rest(want, plain, predicate)
            yield Candidate(table.name, table.relation, keys, (), predicate)
            if rest:
                yield Candidate(table.name, table.relation, keys, rest, predicate)


def _key_lists(want: Want) -> Iterator[tuple[str, ...]]:
    """Key columns in order: equality, then one range or the order; joins as equality."""
    equal = _narrowing(want, dict.fromkeys([*want.equal, *want.listed]))[:MOST_EQUAL]
    single = tuple(one for one in equal if one in want.equal)
    ranges = _narrowing(want, dict.fromkeys(want.ranges))[:MOST_RANGES]
    order = _ordered(want)
    joins = [tuple(dict.fromkeys(names)) for names in want.joins.values()]
    columns = dict.fromkeys(name for names in joins for name in names)
    yield equal
    for name in equal:
        yield (name,)
    for name in ranges:
        yield (name,)
        yield (*equal, name)
    for names in want.always:
        if len(names) == 1:
            yield names
            yield (*equal, *names)
    if order:
        yield order
        yield (*single, *order)
    if want.group:
        yield want.group
        yield (*single, *want.group)
        yield (*want.group, *ranges[:1])
    for names in joins:
        if len(names) > 1:
            yield _narrowing(want, dict.fromkeys(names))
    for name in columns:
        yield (name,)
        if equal:
            yield (*equal, name)
            yield (name, *equal)
        for one in ranges[:1]:
            yield (name, one)
            yield (*equal, name, one)
        for other in ranges[1:]:
            yield (name, other)
        if order and name not in [key.lstrip("-") for key in order]:
            yield (name, *order)
    for names in _pairs(list(columns)):
        yield names


def _pairs(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for one in names:
        for other in names:
            if one != other:
                yield (one, other)


def _ordered(want: Want) -> tuple[str, ...]:
    """The order as key columns; an index is read in either direction."""
    first = want.order[0].descending if want.order else False
    return tuple(f"{'-' * (one.descending != first)}{one.column}" for one in want.order)


def _narrowing(want: Want, names: dict[str, None]) -> tuple[str, ...]:
    """The columns with most values first."""
    return tuple(sorted(names, key=lambda name: -_distinct(want.table, name)))


def _distinct(table: Table, name: str) -> float:
    return table.columns[name].distinct if name in table.columns else 0.0


def _rest(want: Want, keys: tuple[str, ...], predicate: str) -> tuple[str, ...]:
    """The other columns that the statement reads, where an index may hold them all.

    What is mentioned in the index's condition alone need not be read to test it.
    """
    if want.whole:
        return ()
    conditions = predicate.split(" AND ")
    tested = Counter(
        name for names, text in want.always.items() if text in conditions for name in names
    )
    read = (name for name, times in want.used.items() if times > tested[name])
    rest = sorted(name for name in read if name not in keys and name in want.table.columns)
    width = sum(want.table.columns[name].width for name in (*keys, *rest))
    return tuple(rest) if rest and len(rest) <= MOST_COVERED and width <= WIDEST_BYTES else ()


def _rare(want: Want) -> Iterator[str]:
    """Conditions without a value that leave out many rows, by the statistics; of comparisons of
    two columns those do not tell, so that execution has to."""
    for columns, text in want.always.items():
        if len(columns) == 1 and _share(want.table.columns[columns[0]], text) <= RARE:
            yield text
    compared = sorted(text for columns, text in want.always.items() if len(columns) > 1)
    if compared:
        yield " AND ".join(compared)


def _share(column: Column, text: str) -> float:
    """The share of rows that satisfy a test for NULL or truth."""
    if text.endswith("IS NULL"):
        return column.nulls
    if text.endswith("IS NOT NULL"):
        return 1 - column.nulls
    wanted = "f" if text.startswith("NOT ") else "t"
    return share_of(column, wanted)


def share_of(column: Column, value: str) -> float:
    """The share of rows with a value; 1 where the statistics do not tell."""
    known = dict(zip(column.common, column.frequencies, strict=False))
    if value in known:
        return known[value]
    if not column.distinct:
        return 1.0
    rest = max(1 - sum(column.frequencies) - column.nulls, 0.0)
    return rest / max(column.distinct - len(known), 1.0)
