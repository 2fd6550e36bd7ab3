import time

import psycopg
import pytest

from unslow.lab.indexing import catalogue, existing
from unslow.lab.redundancy import MIN_SCANS

SCHEMA = """
CREATE TABLE fleet (id int PRIMARY KEY, a int, b int, c text, d int);
CREATE INDEX fleet_a_b ON fleet (a, b);
"""
KEPT = {
    "the same columns the other way": "CREATE INDEX one ON fleet (b, a)",
    "another order": "CREATE INDEX one ON fleet (a DESC)",
    "a partial index": "CREATE INDEX one ON fleet (a) WHERE d > 3",
    "a unique index": "CREATE UNIQUE INDEX one ON fleet (a)",
    "another method": "CREATE INDEX one ON fleet USING hash (a)",
    "a column that the other lacks": "CREATE INDEX one ON fleet (a) INCLUDE (d)",
    "an expression": "CREATE INDEX one ON fleet ((a + 1))",
    "a constraint": "ALTER TABLE fleet ADD CONSTRAINT one UNIQUE (a, b)",
}
CLUSTERED = "CREATE INDEX one ON fleet (a); ALTER TABLE fleet CLUSTER ON one"
GONE = {
    "the beginning": "CREATE INDEX one ON fleet (a)",
    "the same": "CREATE INDEX one ON fleet (a, b)",
    "the beginning, covering what the other has": "CREATE INDEX one ON fleet (a) INCLUDE (b)",
}


@pytest.fixture
def fleet(postgres):
    dsn = postgres.create(f"existing_{time.monotonic_ns()}")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SCHEMA)
        connection.execute("INSERT INTO fleet SELECT n, n, n, n FROM generate_series(1, 3000) n")
        yield connection


def redundant(connection):
    return [(one.name, one.reason) for one in existing.redundant(catalogue.read(connection))]


@pytest.mark.parametrize("other", KEPT.values(), ids=KEPT)
def test_what_the_other_cannot_do_is_kept(fleet, other):
    fleet.execute(other)
    assert [name for name, _ in redundant(fleet) if name == "one"] == []


@pytest.mark.parametrize("other", GONE.values(), ids=GONE)
def test_what_the_other_does_as_well_is_redundant(fleet, other):
    fleet.execute(other)
    ((name, reason),) = redundant(fleet)
    assert {name, reason.split()[-1]} == {"one", "fleet_a_b"}


def test_an_operator_class_of_its_own_keeps_an_index(fleet):
    fleet.execute("CREATE INDEX fleet_c ON fleet (c, d)")
    fleet.execute("CREATE INDEX fleet_c_like ON fleet (c text_pattern_ops)")
    assert redundant(fleet) == []


def test_what_the_table_is_clustered_on_is_kept(fleet):
    fleet.execute(CLUSTERED)
    assert redundant(fleet) == []


def test_of_two_that_are_the_same_one_stays(fleet):
    fleet.execute("CREATE INDEX two ON fleet (a, b)")
    fleet.execute("CREATE INDEX three ON fleet (a, b)")
    assert len(redundant(fleet)) == 2


def unused(connection, planned=()):
    connection.execute("SELECT pg_stat_force_next_flush()")
    known = catalogue.read(connection)
    return [one.name for one in existing.unused(known, connection, planned)]


def read_often(connection):
    for number in range(MIN_SCANS):
        connection.execute("SELECT d FROM fleet WHERE id = %s", [number])


def test_silent_while_the_table_was_hardly_read(fleet):
    assert unused(fleet) == []


def test_an_index_that_many_reads_did_without_is_unused(fleet):
    read_often(fleet)
    assert unused(fleet) == ["fleet_a_b"]
    assert unused(fleet, planned={"fleet_a_b"}) == []


def test_an_index_that_was_scanned_once_is_used(fleet):
    fleet.execute("SET enable_seqscan = off")
    fleet.execute("SELECT d FROM fleet WHERE a = 3")
    read_often(fleet)
    assert unused(fleet) == []


def test_what_keeps_rows_unique_is_never_unused(fleet):
    fleet.execute("DROP INDEX fleet_a_b")
    fleet.execute("CREATE UNIQUE INDEX one ON fleet (d)")
    read_often(fleet)
    assert unused(fleet) == []
