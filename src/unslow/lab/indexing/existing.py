"""Finds indexes that cost writes and serve nothing: those nobody scans, and the beginnings of
others."""

from collections.abc import Collection, Iterator

from unslow.lab.indexing.advice import Existing
from unslow.lab.indexing.catalogue import Catalogue, Connection, StandingIndex

MIN_SCANS = 1000  # of the table and its indexes, before an index without any counts as unused


def redundant(catalogue: Catalogue) -> Iterator[Existing]:
    """Indexes whose keys begin another one's, which can do all that they do."""
    for table in catalogue.tables:
        gone: set[str] = set()
        for one in sorted(table.indexes, key=_least_wanted):
            others = (other for other in table.indexes if other.name not in {one.name, *gone})
            home = next((other for other in others if _replaces(other, one)), None)
            if home is not None:
                gone.add(one.name)
                same = len(home.keys) == len(one.keys)
                reason = f"{'is the same as' if same else 'is the beginning of'} {home.name}"
                yield _existing(one, "duplicate-index", reason)


def unused(
    catalogue: Catalogue, connection: Connection, planned: Collection[str]
) -> Iterator[Existing]:
    """Indexes that were never scanned although their table was read often, and that no plan of the
    workload has. `planned` are the names of those that plans have."""
    scans = dict(connection.execute(SCANS).fetchall())
    row = connection.execute(SINCE).fetchone()
    since = f" since {row[0]}" if row and row[0] else ""
    for table in catalogue.tables:
        if scans.get(table.name, 0) < MIN_SCANS:
            continue
        for one in table.indexes:
            if one.scans == 0 and not (one.is_unique or one.is_needed) and not _in(one, planned):
                read = f"{scans[table.name]} reads of {table.name} did without it{since}"
                yield _existing(one, "unused-index", read)


def _replaces(other: StandingIndex, one: StandingIndex) -> bool:
    """Whether `other` does all that `one` does."""
    if one.is_needed or (other.method, other.predicate) != (one.method, one.predicate):
        return False
    same = other.keys == one.keys
    if one.is_unique and not (same and other.is_unique):
        return False
    if not same and (one.method != "btree" or other.keys[: len(one.keys)] != one.keys):
        return False
    return {*one.included} <= {*other.columns, *other.included}


def _least_wanted(one: StandingIndex) -> tuple[bool, bool, int, str]:
    return (one.is_needed, one.is_unique, len(one.keys) + len(one.included), one.name)


def _in(one: StandingIndex, planned: Collection[str]) -> bool:
    return one.name.rpartition(".")[2].strip('"') in planned


def _existing(one: StandingIndex, detector: str, reason: str) -> Existing:
    drop = f"DROP INDEX CONCURRENTLY {one.name}"
    return Existing(detector, one.name, one.table, one.definition, one.bytes, reason, drop)


SCANS = """
SELECT c.oid::regclass::text,
       (coalesce(pg_stat_get_numscans(c.oid), 0) + coalesce((SELECT
         sum(pg_stat_get_numscans(i.indexrelid)) FROM pg_index i WHERE i.indrelid = c.oid), 0)
       )::bigint
FROM pg_class c WHERE c.relkind IN ('r', 'm')
"""
SINCE = """
SELECT to_char(stats_reset, 'YYYY-MM-DD') FROM pg_stat_database
WHERE datname = current_database()
"""
