"""Rows are copied with other keys, whatever the schema asks of them."""

import psycopg
import pytest

WIDE = """
CREATE TYPE mood AS ENUM ('calm', 'busy');
CREATE DOMAIN code AS text CHECK (VALUE ~ '^[a-z0-9-]+$');
CREATE TABLE company (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE, slug code UNIQUE,
  owner_id int
);
CREATE TABLE person (
  id bigserial PRIMARY KEY, company_id int NOT NULL REFERENCES company ON DELETE CASCADE,
  boss_id bigint REFERENCES person, email varchar(40) NOT NULL, phone varchar(12) UNIQUE,
  handle text NOT NULL, lowered text GENERATED ALWAYS AS (lower(handle)) STORED UNIQUE,
  mood mood NOT NULL, tags text[] NOT NULL, extra jsonb NOT NULL, token uuid UNIQUE,
  born date, CHECK (email LIKE '%@%'), CHECK (length(phone) >= 5)
);
CREATE UNIQUE INDEX ON person (lower(email));
ALTER TABLE company ADD FOREIGN KEY (owner_id) REFERENCES person (id) DEFERRABLE;
CREATE TABLE profile (person_id bigint PRIMARY KEY REFERENCES person, bio text);
CREATE TABLE badge (id serial PRIMARY KEY, name varchar(20) UNIQUE NOT NULL);
CREATE TABLE person_badge (
  person_id bigint REFERENCES person, badge_id int REFERENCES badge,
  PRIMARY KEY (person_id, badge_id)
);
CREATE TABLE room (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE booking (
  id serial PRIMARY KEY, room_id int NOT NULL REFERENCES room, during tstzrange NOT NULL,
  EXCLUDE USING gist (int4range(room_id, room_id, '[]') WITH =, during WITH &&)
);
CREATE TABLE shift (starts timestamptz NOT NULL, ends timestamptz NOT NULL,
  EXCLUDE USING gist (tstzrange(starts, ends) WITH &&));
CREATE TABLE holiday (during daterange NOT NULL, EXCLUDE USING gist (during WITH &&));
CREATE TABLE event (id bigserial, at timestamptz NOT NULL, kind text NOT NULL, PRIMARY KEY (id, at))
  PARTITION BY RANGE (at);
CREATE TABLE event_2025 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE event_2026 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE note (id bigserial, event_id bigint, at timestamptz, body text,
  FOREIGN KEY (event_id, at) REFERENCES event (id, at));
CREATE TABLE vehicle (id serial PRIMARY KEY, plate text NOT NULL);
CREATE TABLE truck (axles int NOT NULL, UNIQUE (plate)) INHERITS (vehicle);
CREATE TABLE place (tenant int, number int, title text, PRIMARY KEY (tenant, number),
  UNIQUE (title) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE visit (id serial PRIMARY KEY, tenant int, number int, noticed int NOT NULL DEFAULT 0,
  FOREIGN KEY (tenant, number) REFERENCES place);
CREATE FUNCTION count_visit() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN RAISE EXCEPTION 'a trigger has run'; END $$;
INSERT INTO company (name, slug) SELECT 'Firm ' || n, 'firm-' || n FROM generate_series(1, 3) n;
INSERT INTO person (company_id, boss_id, email, phone, handle, mood, tags, extra, token, born)
  SELECT n % 3 + 1, nullif(n / 2, 0), 'P' || n || '@x.org', '0' || 41000 + n, 'H' || n, 'busy',
         ARRAY['a', n::text], jsonb_build_object('n', n), md5(n::text)::uuid, date '2000-01-01' + n
  FROM generate_series(1, 6) n;
UPDATE company SET owner_id = id;
INSERT INTO profile SELECT id, 'bio' FROM person;
INSERT INTO badge (name) VALUES ('gold'), ('silver');
INSERT INTO person_badge SELECT p.id, b.id FROM person p, badge b WHERE p.id < 4;
INSERT INTO room (name) VALUES ('A'), ('B');
INSERT INTO booking (room_id, during)
  SELECT r, tstzrange('2026-01-01'::timestamptz + n * interval '1 hour',
                      '2026-01-01'::timestamptz + (n + 1) * interval '1 hour')
  FROM generate_series(1, 2) r, generate_series(1, 5) n;
INSERT INTO holiday SELECT daterange('2026-01-01'::date + 10 * n, '2026-01-03'::date + 10 * n)
  FROM generate_series(1, 4) n;
INSERT INTO shift SELECT '2026-01-01'::timestamptz + n * interval '9 hours',
  '2026-01-01'::timestamptz + (n + 1) * interval '9 hours' FROM generate_series(1, 4) n;
INSERT INTO event (at, kind) SELECT '2025-06-01'::timestamptz + n * interval '60 days', 'k'
  FROM generate_series(1, 8) n;
INSERT INTO note (event_id, at, body) SELECT id, at, 'b' FROM event;
INSERT INTO vehicle (plate) VALUES ('V1'), ('V2');
INSERT INTO truck (plate, axles) VALUES ('T1', 2), ('T2', 3);
INSERT INTO place SELECT n % 2, n, 't' || n FROM generate_series(1, 5) n;
INSERT INTO visit (tenant, number) SELECT tenant, number FROM place;
CREATE TRIGGER noticing BEFORE INSERT ON visit FOR EACH ROW EXECUTE FUNCTION count_visit();
"""
TABLES = (
    *(
        "company",
        "person",
        "profile",
        "badge",
        "person_badge",
        "room",
        "booking",
        "holiday",
        "shift",
    ),
    *("event", "note", "ONLY vehicle", "truck", "place", "visit"),
)


@pytest.fixture
def wide(schema):
    return schema(WIDE)


def test_every_table_grows_by_the_factor_twice(wide) -> None:
    before = {name: wide.count(name) for name in TABLES}
    for factor in (4, 4):
        wide.grow(factor)
        assert [(one.table, one.why) for one in wide.grown.tables if one.why] == []
    assert {name: wide.count(name) for name in TABLES} == {k: 16 * n for k, n in before.items()}


def test_the_rows_that_were_there_stay_as_they_are(wide) -> None:
    query = "SELECT * FROM person JOIN profile ON person_id = id ORDER BY id LIMIT 6"
    before = wide.all(query)
    wide.grow()
    assert wide.all(query) == before


@pytest.mark.parametrize("constraint", ["c", "f"])
def test_the_constraints_hold_when_they_are_checked_anew(wide, constraint) -> None:
    wide.grow()
    with psycopg.connect(wide.dsn) as connection:
        for table, name, definition in connection.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) "
            "FROM pg_constraint WHERE contype = %s AND conrelid <> 0 AND conparentid = 0 "
            "AND conrelid::regclass::text NOT LIKE 'event%%'",
            [constraint],
        ).fetchall():
            connection.execute(f'ALTER TABLE {table} ADD CONSTRAINT "again_{name}" {definition}')


def test_a_copied_child_has_a_copied_parent(wide) -> None:
    wide.grow()
    assert wide.one("SELECT count(DISTINCT company_id) FROM person") > 3
    assert wide.one("SELECT count(DISTINCT boss_id) FROM person") > 3


def test_the_next_row_gets_a_free_number(wide) -> None:
    wide.grow()
    with psycopg.connect(wide.dsn) as connection:
        connection.execute("INSERT INTO badge (name) VALUES ('new')")
        connection.execute("INSERT INTO company (name) VALUES ('new')")
        connection.execute("INSERT INTO event (at, kind) VALUES ('2026-03-03', 'new')")


def test_made_texts_look_like_the_others(wide) -> None:
    wide.grow()
    assert wide.one("SELECT count(*) FROM person WHERE phone !~ '^[0-9]{6}$'") == 0
    assert wide.one("SELECT count(*) FROM person WHERE email !~ '^[Px].*@x.org$'") == 0


def test_partitions_share_the_rows_as_before(wide) -> None:
    share = "SELECT count(*) FROM event_2025"
    before = wide.one(share)
    wide.grow()
    assert wide.one(share) == 4 * before


def test_parents_keep_their_number_of_children_in_a_large_table(schema) -> None:
    database = schema(
        "CREATE TABLE a (id serial PRIMARY KEY);"
        "CREATE TABLE b (id serial PRIMARY KEY, a_id int NOT NULL REFERENCES a);"
        "INSERT INTO a SELECT FROM generate_series(1, 50);"
        "INSERT INTO b (a_id) SELECT n % 50 + 1 FROM generate_series(1, 200) n;"
    )
    database.grow(8)
    assert database.all("SELECT DISTINCT count(*) FROM b GROUP BY a_id") == [(4,)]


def test_parents_get_more_children_where_there_are_too_few_to_tell(schema) -> None:
    database = schema(
        "CREATE TABLE a (id serial PRIMARY KEY);"
        "CREATE TABLE b (id serial PRIMARY KEY, a_id int NOT NULL REFERENCES a);"
        "INSERT INTO a SELECT FROM generate_series(1, 3);"
        "INSERT INTO b (a_id) SELECT n FROM generate_series(1, 3) n;"
    )
    database.grow(16)
    assert database.one("SELECT count(*) FROM b WHERE a_id = 1") > 5
    assert database.one("SELECT count(DISTINCT a_id) FROM b") > 20


@pytest.mark.parametrize(
    ("constraint", "table"),
    [
        ("a_pkey", "CREATE TABLE a (id bool PRIMARY KEY)"),
        ("a_pkey", "CREATE TABLE a (id char(2) PRIMARY KEY)"),
        ("only_one", "CREATE TABLE a (id bool, CONSTRAINT only_one UNIQUE (id))"),
        ("small", "CREATE TABLE a (id int PRIMARY KEY, CONSTRAINT small CHECK (id < 2))"),
        ("once", "CREATE TABLE a (id bool); CREATE UNIQUE INDEX once ON a ((1))"),
    ],
)
def test_a_table_that_cannot_grow_names_its_constraint_and_others_grow(
    schema, constraint, table
) -> None:
    database = schema(
        f"{table}; CREATE TABLE b (id serial PRIMARY KEY); INSERT INTO b SELECT FROM "
        "generate_series(1, 5); INSERT INTO a VALUES ('1');"
    )
    database.grow(20)
    assert constraint in database.why("a")
    assert (database.count("a"), database.count("b")) == (1, 100)


def test_children_of_a_table_that_cannot_grow_keep_their_parents(schema) -> None:
    database = schema(
        "CREATE TABLE country (code char(2) PRIMARY KEY);"
        "CREATE TABLE city (id serial PRIMARY KEY, code char(2) NOT NULL REFERENCES country);"
        "CREATE TABLE capital (code char(2) PRIMARY KEY REFERENCES country);"
        "INSERT INTO country VALUES ('de'), ('fr');"
        "INSERT INTO city (code) SELECT 'de' FROM generate_series(1, 3);"
        "INSERT INTO capital VALUES ('de');"
    )
    database.grow(4)
    assert "country_pkey" in database.why("country")
    assert "capital_pkey" in database.why("capital")
    assert database.all("SELECT code, count(*) FROM city GROUP BY 1") == [("de", 12)]


def test_rows_that_a_constraint_refuses_are_left_out_with_their_children(schema) -> None:
    database = schema(
        "CREATE TABLE a (id serial PRIMARY KEY, is_main bool NOT NULL);"
        "CREATE UNIQUE INDEX one_main ON a (is_main) WHERE is_main;"
        "CREATE TABLE b (id serial PRIMARY KEY, a_id int NOT NULL REFERENCES a);"
        "INSERT INTO a (is_main) VALUES (true), (false), (false);"
        "INSERT INTO b (a_id) VALUES (1), (2), (3);"
    )
    database.grow(4)
    assert "one_main" in database.why("a")
    assert (database.count("a"), database.count("b")) == (9, 12)
    assert database.one("SELECT count(*) FROM b WHERE a_id NOT IN (SELECT id FROM a)") == 0


def test_numbers_without_room_for_more_are_named(schema) -> None:
    database = schema(
        "CREATE TABLE a (id smallint PRIMARY KEY); INSERT INTO a VALUES (1), (30000);"
        "CREATE TABLE b (a_id smallint REFERENCES a); INSERT INTO b VALUES (1), (30000);"
    )
    database.grow(4)
    assert "its numbers leave no room for more" in database.why("a")
    assert database.all("SELECT a_id, count(*) FROM b GROUP BY 1 ORDER BY 1") == [
        (1, 4),
        (30000, 4),
    ]


def test_children_of_a_part_of_a_key_follow_its_whole(schema) -> None:
    database = schema(
        "CREATE TABLE tenant (id serial PRIMARY KEY);"
        "CREATE TABLE item (id serial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenant,"
        "  UNIQUE (tenant_id, id));"
        "CREATE TABLE part (id serial PRIMARY KEY, tenant_id int REFERENCES tenant, item_id int,"
        "  FOREIGN KEY (tenant_id, item_id) REFERENCES item (tenant_id, id));"
        "INSERT INTO tenant SELECT FROM generate_series(1, 3);"
        "INSERT INTO item (tenant_id) SELECT id FROM tenant;"
        "INSERT INTO part (tenant_id, item_id) SELECT tenant_id, id FROM item;"
    )
    grown = database.grow(4)
    assert [one.why for one in grown.tables if one.why] == []
    assert database.one("SELECT count(*) FROM part") == 12


def test_an_owner_who_is_no_superuser_may_grow_a_database(schema, postgres) -> None:
    database = schema(WIDE)
    with psycopg.connect(database.dsn) as connection:
        connection.execute("CREATE ROLE modest LOGIN")
        tables = connection.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n "
            "ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND relkind IN ('r', 'p')"
        ).fetchall()
        connection.execute("GRANT ALL ON SCHEMA public TO modest")
        for (table,) in tables:
            connection.execute(f"ALTER TABLE {table} OWNER TO modest".encode())
    try:
        grown = database.grow(4, psycopg.conninfo.make_conninfo(database.dsn, user="modest"))
        assert [(one.table, one.why) for one in grown.tables if one.why] == []
        assert database.count("visit") == 20
    finally:
        with psycopg.connect(database.dsn) as connection:
            connection.execute("REASSIGN OWNED BY modest TO CURRENT_USER")
            connection.execute("DROP OWNED BY modest")
            connection.execute("DROP ROLE modest")
