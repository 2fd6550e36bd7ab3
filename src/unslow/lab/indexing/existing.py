"""Finds indexes that cost writes and serve nothing: those nobody scans, and the beginnings of
others."""

from collections.abc import Collection, Iterator

from unslow.lab.indexing.advice import Existing
from unslow.lab.indexing.catalogue import Catalogue, Connection, StandingIndex
from unslow.lab.redundancy import how, is_unread
from unslow.lab.redundancy import redundant as replaced
from unslow.model import Index


def redundant(catalogue: Catalogue) -> Iterator[Existing]:
    """Indexes whose keys begin another one's, which can do all that they do."""
    for table in catalogue.tables:
        standing = {one.name: one for one in table.indexes}
        for one, home in replaced([_as_index(one) for one in table.indexes]):
            yield _existing(standing[one.name], "duplicate-index", how(one, home))


def unused(
    catalogue: Catalogue, connection: Connection, planned: Collection[str]
) -> Iterator[Existing]:
    """Indexes that were never scanned although their table was read often, and that no plan of the
    workload has. `planned` are the names of those that plans have."""
    scans = dict(connection.execute(SCANS).fetchall())
    row = connection.execute(SINCE).fetchone()
    since = f" since {row[0]}" if row and row[0] else ""
    for table in catalogue.tables:
        for one in table.indexes:
            if is_unread(_as_index(one), scans.get(table.name)) and not _in(one, planned):
                read = f"{scans[table.name]} reads of {table.name} did without it{since}"
                yield _existing(one, "unused-index", read)


def _as_index(one: StandingIndex) -> Index:
    return Index(
        one.name,
        one.columns,
        unique=one.is_unique,
        method=one.method,
        predicate=one.predicate,
        keys=one.keys,
        included=one.included,
        needed=one.is_needed,
        scans=one.scans,
    )


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
