import json

import psycopg
import pytest

from tests.builders import query, request, trace
from unslow.errors import UsageError
from unslow.lab import traces
from unslow.lab.indexing.sources import from_log, from_queries, from_statistics, from_trace
from unslow.lab.indexing.workload import Executed

PLAIN = """\
2026-11-22 17:00:00.001 UTC [12] app@shop LOG:  duration: 1.500 ms  statement: SELECT *
\tFROM orders WHERE id = 3
2026-11-22 17:00:00.002 UTC [12] app@shop LOG:  duration: 0.010 ms  parse <unnamed>: SELECT $1
2026-11-22 17:00:00.002 UTC [12] app@shop LOG:  duration: 0.010 ms  bind <unnamed>: SELECT $1
2026-11-22 17:00:00.003 UTC [12] app@shop LOG:  duration: 0.500 ms  execute <unnamed>: \
SELECT id FROM orders WHERE status = $1 AND total > $2 AND made = $3
2026-11-22 17:00:00.003 UTC [12] app@shop DETAIL:  Parameters: $1 = 'it''s', $2 = '5', $3 = NULL
2026-11-22 17:00:00.004 UTC [12] app@shop ERROR:  column "x" does not exist at character 8
2026-11-22 17:00:00.004 UTC [12] app@shop STATEMENT:  SELECT x
2026-11-22 17:00:00.005 UTC [1] LOG:  checkpoint complete: wrote 3 buffers (0.0%)
2026-11-22 17:00:00.006 UTC [12] app@shop LOG:  duration: 2.500 ms  statement: SELECT *
\tFROM orders WHERE id = 3
"""


def log(tmp_path, text, name="postgresql.log"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_log_without_statements_says_how_to_log_them(tmp_path):
    with pytest.raises(UsageError, match="log_min_duration_statement"):
        from_log(log(tmp_path, "2026-11-22 UTC [1] LOG:  checkpoint starting: time\n"))


def test_a_file_without_statements_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no statement"):
        from_queries(log(tmp_path, "-- nothing\n", "queries.sql"))
    with pytest.raises(UsageError, match="cannot be read"):
        from_queries(tmp_path / "none.sql")


def test_a_plain_log_is_read_with_its_values(tmp_path):
    whole, few = from_log(log(tmp_path, PLAIN))
    assert whole.sql == "SELECT *\nFROM orders WHERE id = 3"
    assert (whole.calls, whole.ms, whole.parameters) == (2.0, 4.0, ())
    assert few.sql == "SELECT id FROM orders WHERE status = $1 AND total > $2 AND made = $3"
    assert few.parameters == ("'it''s'", "'5'", "NULL")


def test_csv_and_json_logs_are_read_as_well(tmp_path):
    message, detail = "duration: 2 ms  execute s1: SELECT id\nFROM orders WHERE id = $1", "$1 = '3'"
    fields = [""] * 11 + ["LOG", "00000", f'"{message}"', f'"parameters: {detail}"'] + [""] * 9
    row = ",".join(fields)
    (one,) = from_log(log(tmp_path, row + "\n", "pg.csv"))
    assert (one.sql, one.parameters) == ("SELECT id\nFROM orders WHERE id = $1", ("'3'",))
    entry = {"error_severity": "LOG", "message": message, "detail": f"Parameters: {detail}"}
    (other,) = from_log(log(tmp_path, json.dumps(entry) + "\nnoise\n", "pg.json"))
    assert other == one


def test_a_file_of_queries_counts_each_of_them(tmp_path):
    text = "\\timing on\n-- one; two\nSELECT ';';\nSELECT ';' ;\nSELECT $1::int\n"
    found = from_queries(log(tmp_path, text, "queries.sql"))
    assert [one.parameters for one in found] == [(), (), None]
    assert found[0].sql.endswith("SELECT ';'")


def test_without_pg_stat_statements_the_remedy_is_told(connection):
    with pytest.raises(UsageError, match="--log FILE or --queries"):
        from_statistics(connection)


def test_pg_stat_statements_gives_counts_without_values(postgres):
    dsn = postgres.create("statistics")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "CREATE VIEW pg_stat_statements AS SELECT d.oid AS dbid, s.* FROM pg_database d,"
            " (VALUES ('SELECT id FROM orders WHERE id = $1', 7, 3.5), ('SELECT 1', 0, 0.0))"
            " AS s (query, calls, total_exec_time)"
        )
        (one,) = from_statistics(connection)
    assert (one.calls, one.ms, one.parameters) == (7.0, 3.5, None)


def test_a_trace_gives_its_statements_with_values_to_guess(tmp_path):
    asked = query("SELECT * FROM orders WHERE status = 'open' AND total > 5 LIMIT 21", ms=2.0)
    bound = query("SELECT * FROM orders WHERE id = %s AND made < %(made)s", ms=1.0)
    other = query("SAVEPOINT x")
    path = tmp_path / "shop.trace.gz"
    traces.save(trace(*[request("GET", "orders/", asked + bound + other)] * 3), path)
    assert from_trace(path) == [
        Executed("SELECT * FROM orders WHERE status = $1 AND total > $2 LIMIT $3", 3, 6.0, None),
        Executed("SELECT * FROM orders WHERE id = $1 AND made < $2", 3, 3.0, None),
    ]


def test_a_trace_without_statements_is_refused(tmp_path):
    traces.save(trace(request("GET", "health/")), tmp_path / "shop.trace")
    with pytest.raises(UsageError, match="no statements"):
        from_trace(tmp_path / "shop.trace")
