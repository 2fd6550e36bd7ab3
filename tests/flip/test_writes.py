from random import Random

import psycopg
import pytest

from unslow.lab.prove._stand import standing
from unslow.lab.prove._traffic import Write
from unslow.lab.prove.writes import charge, cost_ms, outweighs
from unslow.model import Change, Interval, WriteEffect, Writes

SCHEMA = """
CREATE TABLE customer (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email varchar(20) UNIQUE);
CREATE TABLE orders (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id uuid NOT NULL REFERENCES customer,
  status text NOT NULL,
  total int NOT NULL,
  note text,
  doubled int GENERATED ALWAYS AS (total * 2) STORED
);
CREATE TABLE tagged (
  order_id int REFERENCES orders DEFERRABLE INITIALLY DEFERRED,
  tag_id int,
  PRIMARY KEY (order_id)
);
CREATE TABLE "odd %s" ("id %" int PRIMARY KEY, "na""me" text);
INSERT INTO "odd %s" SELECT n, 'n' || n FROM generate_series(1, 2000) n;
CREATE TABLE hollow (id int PRIMARY KEY, name text);
CREATE TABLE strict (id int PRIMARY KEY, name text, CHECK (id <= 500));
INSERT INTO customer (email) SELECT 'c' || n || '@example.org' FROM generate_series(1, 500) n;
INSERT INTO orders (customer_id, status, total, note)
SELECT c.id, (ARRAY['open', 'paid', 'sent'])[n % 3 + 1], n, repeat('x', 60)
FROM customer c, generate_series(1, 20) n;
INSERT INTO tagged SELECT id, id % 7 FROM orders;
INSERT INTO strict SELECT n, 'n' || n FROM generate_series(1, 500) n;
"""
STATUS = "CREATE INDEX orders_status ON orders (status)"
TOTAL = "CREATE INDEX orders_total ON orders (total)"
PARTIAL = "CREATE INDEX orders_open ON orders (total) WHERE status = 'open'"


@pytest.fixture(scope="module")
def template(postgres):
    with psycopg.connect(postgres.create("writes"), autocommit=True) as connection:
        connection.execute(SCHEMA)
        connection.execute("VACUUM ANALYZE")
    return postgres


@pytest.fixture
def dsn(template):
    """A clone of its own: what measures writes moves rows."""
    with psycopg.connect(template.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE writes_clone TEMPLATE writes")
        yield template.dsn("writes_clone")
        connection.execute("DROP DATABASE writes_clone")


def charged(dsn, index, *observed, blocks=3):
    with standing(dsn, [index, TOTAL]) as stand:
        return charge(
            stand,
            stand.built[index],
            observed,
            random=Random(3),
            seconds_left=lambda: 60.0,
            most_blocks=blocks,
        )


def effect(writes, kind):
    return next(one for one in writes.effects if one.kind == kind)


def rows(dsn):
    tables = ("customer", "orders", "tagged", "hollow", "strict")
    query = " UNION ALL ".join(
        f"SELECT '{name}', count(*), sum(hashtext(t::text)) FROM {name} t" for name in tables
    )
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchall()


def test_every_row_is_as_it_was(dsn):
    before = rows(dsn)
    charged(dsn, STATUS, Write("update", "orders", ("status", "note"), 1.0))
    assert rows(dsn) == before


def test_an_index_on_other_columns_leaves_updates_hot(dsn):
    writes = charged(dsn, TOTAL, Write("update", "orders", ("status",), 2.0))
    update = effect(writes, "update")
    assert (update.columns, update.observed) == (("status",), 2.0)
    assert update.hot.before == update.hot.after > 0.9


def test_an_index_on_an_updated_column_kills_hot_and_writes_more_wal(dsn):
    update = effect(charged(dsn, STATUS, Write("update", "orders", ("status",), 2.0)), "update")
    assert update.hot.before > 0.9
    assert update.hot.after == 0
    assert update.wal_bytes.after > update.wal_bytes.before


def test_a_predicate_column_counts_as_indexed(dsn):
    update = effect(charged(dsn, PARTIAL, Write("update", "orders", ("status",), 1.0)), "update")
    assert (update.hot.before > 0.9, update.hot.after) == (True, 0)


def test_columns_that_keep_their_value_are_not_updated(dsn):
    example = "UPDATE orders SET status = status, note = 'other' WHERE id = 5"
    write = Write("update", "orders", ("status", "note"), 1.0, (example,))
    assert effect(charged(dsn, STATUS, write), "update").columns == ("note",)


def test_an_update_with_an_alias_and_another_table_is_understood(dsn):
    example = (
        "UPDATE \"orders\" AS o SET status = 'x', total = o.total FROM customer c "
        "WHERE c.id = o.customer_id AND o.id < 9"
    )
    write = Write("update", "orders", ("status", "total"), 1.0, (example,))
    assert effect(charged(dsn, STATUS, write), "update").columns == ("status",)


def test_without_observed_updates_the_indexed_columns_are_tried(dsn):
    update = effect(charged(dsn, STATUS), "update")
    assert (update.columns, update.observed, update.hot.after) == (("status",), 0.0, 0)


def test_a_column_with_one_value_in_all_rows_gets_another(dsn):
    update = effect(charged(dsn, "CREATE INDEX orders_note ON orders (note)"), "update")
    assert (update.columns, update.hot.before > 0.9) == (("note",), True)
    assert update.hot.after < 0.2


def test_odd_names_are_quoted(dsn):
    writes = charged(dsn, 'CREATE INDEX "i %" ON "odd %s" ("na""me")')
    assert {one.kind for one in writes.effects} == {"insert", "update"}
    assert not writes.unmeasured


def test_nobody_updates_a_primary_key(dsn):
    writes = charged(dsn, "CREATE INDEX strict_newest ON strict (name, id)")
    assert effect(writes, "update").columns == ("name",)


def test_an_insert_writes_the_index_too(dsn):
    writes = charged(dsn, STATUS, Write("insert", "orders", ("status",), 3.0))
    insert = effect(writes, "insert")
    assert insert.observed == 3.0
    assert insert.wal_bytes.after > insert.wal_bytes.before > 0
    assert insert.microseconds.before > 0
    assert insert.hot is None
    assert insert.slowdown.low <= insert.slowdown.estimate <= insert.slowdown.high
    assert writes.index_bytes > 0
    assert writes.build_seconds > 0
    assert not writes.unmeasured


def test_unique_values_and_uuids_are_made_afresh(dsn):
    writes = charged(dsn, "CREATE INDEX customer_mail ON customer (lower(email))")
    assert {one.kind for one in writes.effects} == {"insert", "update"}
    assert not writes.unmeasured


def test_a_role_without_temporary_tables_is_told_so(dsn):
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE ROLE plain LOGIN; ALTER TABLE hollow OWNER TO plain")
        connection.execute("GRANT CREATE ON SCHEMA public TO plain")
        connection.execute("INSERT INTO hollow VALUES (1, 'a')")
        connection.execute("REVOKE TEMP ON DATABASE writes_clone FROM PUBLIC")
        index = "CREATE INDEX hollow_name ON hollow (name)"
        with standing(dsn.replace("postgres@", "plain@"), [index]) as stand:
            writes = charge(
                stand, stand.built[index], (), random=Random(3), seconds_left=lambda: 60.0
            )
        connection.execute("DROP OWNED BY plain; DROP ROLE plain")
    [reason] = writes.unmeasured
    assert "permission denied to create temporary tables" in reason
    assert writes.index_bytes > 0


def test_a_key_that_is_a_foreign_key_is_inserted_again(dsn):
    writes = charged(dsn, "CREATE INDEX tagged_tag ON tagged (tag_id)")
    assert effect(writes, "insert").wal_bytes.after > 0


def test_a_table_without_rows_is_not_measured_and_says_so(dsn):
    writes = charged(dsn, "CREATE INDEX hollow_name ON hollow (name)")
    assert (writes.effects, writes.unmeasured) == ((), ("the table is empty",))


def test_rows_that_a_check_refuses_under_new_keys_are_inserted_again_under_their_own(dsn):
    writes = charged(dsn, "CREATE INDEX strict_name ON strict (name)")
    assert {one.kind for one in writes.effects} == {"insert", "update"}


def test_several_indexes_of_one_table_find_the_same_room(dsn):
    write = Write("update", "orders", ("note",), 1.0)
    with standing(dsn, [STATUS, TOTAL]) as stand:
        found = [
            charge(stand, one, [write], random=Random(3), seconds_left=lambda: 60.0, most_blocks=1)
            for one in stand.built.values()
        ]
    assert all(effect(one, "update").hot.before > 0.9 for one in found)


def test_only_writes_that_were_observed_and_surely_cost_more_are_charged():
    def update(low, observed):
        return WriteEffect(
            "update", Change(1, 2), Change(0, 0), Interval(2.0, low, 3.0), observed=observed
        )

    assert cost_ms(update(0.9, 4000.0)) == 0
    assert cost_ms(update(1.5, 0.0)) == 0
    assert cost_ms(update(1.5, 4000.0)) == 4.0


def test_a_cost_outweighs_only_what_is_less():
    writes = [Writes("i", "t", 1, 0.1, ms_per_round=4.0)]
    assert not outweighs(writes, saved_ms=5.0)
    assert not outweighs([Writes("i", "t", 1, 0.1)], saved_ms=-1.0)
    assert outweighs(writes, saved_ms=3.0)
