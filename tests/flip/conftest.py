"""Clones with a table of events, for the tests of the sieve."""

import hashlib
from dataclasses import dataclass

import psycopg
import pytest

SCHEMA = """
CREATE TABLE events (id int PRIMARY KEY, kind text, made int, seen int, body text);
CREATE TABLE jobs (id int PRIMARY KEY, made int);
CREATE FUNCTION slow(value int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE n int;
BEGIN FOR n IN 1..500 LOOP value := value # n; END LOOP; RETURN value; END $$;
INSERT INTO jobs SELECT n, n FROM generate_series(1, 4000) n;
INSERT INTO events
SELECT n, (ARRAY['a', 'b', 'c'])[n % 3 + 1], n % 1000, 0, repeat('x', 50)
FROM generate_series(1, 40000) n;
"""


@dataclass(frozen=True)
class Clone:
    dsn: str
    engine: str = "postgresql"
    name: str = "sieve"
    source: str = ""


@pytest.fixture
def clone(postgres, request):
    """Each test has its own: what writes charge depends on the room in the table's pages."""
    dsn = postgres.create("clone_" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12])
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SCHEMA)
        connection.execute("VACUUM ANALYZE")
    return Clone(dsn)
