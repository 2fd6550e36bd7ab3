from dataclasses import dataclass
from random import Random

import psycopg
import pytest

from tests.builders import query, request, trace
from unslow.errors import UsageError
from unslow.lab.compare import _statements
from unslow.lab.prove import sql_change, traffic
from unslow.lab.target._postgres import run, source_at
from unslow.model import Verdict
from unslow.progress import Silent

SCHEMA = """
CREATE TABLE events (id int PRIMARY KEY, kind text, made int);
CREATE INDEX events_kind ON events (kind);
INSERT INTO events SELECT n, 'k' || n, n % 1000 FROM generate_series(1, 30000) n;
"""
BY_MADE = query("SELECT * FROM events WHERE made = %s", parameters=("7",))
BY_KIND = query("SELECT * FROM events WHERE kind = %s", parameters=("'k5'",))
SORTED = query("SELECT count(*) FROM (SELECT DISTINCT kind FROM events) k", parameters=())
READS = request("GET", "events/", BY_MADE, BY_KIND)


@dataclass(frozen=True)
class Clone:
    dsn: str
    engine: str = "postgresql"
    name: str = "sql_file"
    source: str = ""


@pytest.fixture(scope="module")
def clone(postgres):
    dsn = postgres.create("sql_file")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SCHEMA)
        connection.execute("VACUUM ANALYZE")
    return Clone(dsn)


@pytest.fixture
def written(tmp_path):
    def write(text):
        (tmp_path / "change.sql").write_text(text)
        return _statements.patch_of(tmp_path / "change.sql")

    return write


def examined(clone, patch, *requests):
    evidence = sql_change.examine(
        [clone],
        patch,
        _statements.settings_of(patch),
        traffic(trace(*requests).requests, {}),
        budget_s=60.0,
        progress=Silent(),
        random=Random(2),
    )
    return sql_change.backed(Verdict("inconclusive"), evidence)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no statement"),
        ("-- nothing", "holds no statement"),
        ("CREATE INDX a ON b (c)", "not valid PostgreSQL"),
        ("SET work_mem = '1MB';\nDELETE FROM events", "near line .*DELETE FROM is neither"),
        ("ALTER SYSTEM SET work_mem = '1MB'", "ALTER SYSTEM is neither"),
        ("ALTER TABLE events ADD COLUMN x int", "ALTER TABLE is neither"),
        ("DROP TABLE events", "DROP TABLE is neither"),
        ("SET LOCAL work_mem = '1MB'", "neither"),
    ],
)
def test_anything_else_is_refused(written, text, message):
    with pytest.raises(UsageError, match=message):
        written(text)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        _statements.patch_of(tmp_path / "absent.sql")


def test_settings_come_back_as_they_were_written(written):
    patch = written("SET work_mem = '8MB'; SET random_page_cost TO 1.1; SET jit = off")
    assert _statements.settings_of(patch) == (
        ("work_mem", "8MB"),
        ("random_page_cost", "1.1"),
        ("jit", "off"),
    )


def test_a_setting_holds_for_later_sessions_of_the_clone_alone(written, clone, postgres):
    name = "sql_file_set"
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    reach = (("host", postgres.host), ("port", str(postgres.port)), ("user", postgres.user))
    run(source_at(name, reach), name, written("SET work_mem = '8MB'").sql)
    for dsn, expected in ((postgres.dsn(name), "8MB"), (clone.dsn, "4MB")):
        with psycopg.connect(dsn) as connection:
            assert connection.execute("SHOW work_mem").fetchone() == (expected,)


def test_sql_that_no_observed_read_concerns_is_not_flipped(written, clone):
    patch = written("CREATE INDEX made ON events (made)")
    assert examined(clone, patch) == Verdict("inconclusive")


def test_a_new_index_is_flipped_and_charged(written, clone):
    verdict = examined(clone, written("CREATE INDEX CONCURRENTLY made ON events (made)"), READS)
    assert verdict.flip.speedup.low > 1
    assert [one.same_plan for one in verdict.flip.statements] == [False, True]
    assert {one.kind for one in verdict.writes[0].effects} == {"insert", "update"}


def test_a_dropped_index_is_missed_by_its_reads(written, clone):
    verdict = examined(clone, written("DROP INDEX events_kind"), READS)
    assert verdict.flip.speedup.high < 1
    assert verdict.writes == ()
    with psycopg.connect(clone.dsn) as connection:
        assert connection.execute("SELECT to_regclass('events_kind')::text").fetchone()[0]


def test_a_statistics_target_is_sampled_anew(written, clone):
    patch = written("ALTER TABLE events ALTER COLUMN made SET STATISTICS 1000")
    assert patch.sql[-1] == "ANALYZE events"
    assert len(examined(clone, patch, READS).flip.statements) == 2


def test_a_setting_is_flipped_under_all_reads(written, clone):
    patch = written("SET enable_seqscan = off; SET enable_bitmapscan = off")
    verdict = examined(clone, patch, request("GET", "kinds/", SORTED))
    [row] = verdict.flip.statements
    assert row.ms.before > 0 < row.ms.after
    assert row.blocks.before != row.blocks.after
