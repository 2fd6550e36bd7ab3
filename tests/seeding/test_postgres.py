"""Hard schemas in a real PostgreSQL: every row is one that the database accepts."""

import psycopg

from unslow.model import Field, Model

TENANTS = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN email AS varchar(60) CHECK (VALUE ~ '^[a-z0-9._]+@[a-z]+[.][a-z]{2,4}$');
CREATE DOMAIN small AS int NOT NULL CHECK (VALUE > 0 AND VALUE <= 500);
CREATE TABLE tenant (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  slug varchar(12) UNIQUE NOT NULL
);
CREATE TABLE person (
  tenant_id int NOT NULL REFERENCES tenant, id bigserial, email email NOT NULL,
  mood mood NOT NULL, manager_id bigint, nick varchar(3) UNIQUE,
  joined timestamptz NOT NULL CHECK (joined >= '2020-01-01'), left_at timestamptz,
  tags text[] NOT NULL CHECK (cardinality(tags) <= 2), extra jsonb, ip inet,
  uid uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  CONSTRAINT in_order CHECK (left_at > joined),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, manager_id) REFERENCES person (tenant_id, id)
);
CREATE UNIQUE INDEX ON person (lower(email));
CREATE TABLE project (
  tenant_id int NOT NULL REFERENCES tenant, id uuid PRIMARY KEY, owner_id bigint NOT NULL,
  price numeric(6,2) NOT NULL CHECK (price > 0 AND price < 100), quantity small,
  total numeric(12,2) NOT NULL CHECK (total = price * quantity),
  double numeric GENERATED ALWAYS AS (price * 2) STORED, period tstzrange, during int4range,
  status varchar(10) NOT NULL CHECK (status IN ('new', 'open', 'done')), closed_at timestamptz,
  is_main bool NOT NULL, UNIQUE (tenant_id, id),
  CHECK ((status = 'done') = (closed_at IS NOT NULL)),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES person (tenant_id, id)
);
CREATE UNIQUE INDEX one_main ON project (tenant_id, owner_id) WHERE is_main;
CREATE TABLE member (
  tenant_id int NOT NULL, person_id bigint NOT NULL, project_id uuid NOT NULL,
  role text CHECK (role LIKE 'role-%'), PRIMARY KEY (person_id, project_id),
  FOREIGN KEY (tenant_id, person_id) REFERENCES person (tenant_id, id),
  FOREIGN KEY (tenant_id, project_id) REFERENCES project (tenant_id, id)
);
"""


def test_a_table_that_has_rows_is_left_as_it_is(schema) -> None:
    seeding = schema("CREATE TABLE a (id serial PRIMARY KEY); INSERT INTO a VALUES (7)").fill()
    assert seeding.all("SELECT id FROM a") == [(7,)]
    assert seeding.of("a").why == "has rows"


def test_an_impossible_check_is_named_and_what_needs_the_table_is_left_out(schema) -> None:
    seeding = schema("""
        CREATE TABLE never (id serial PRIMARY KEY, n int NOT NULL,
                            CONSTRAINT absurd CHECK (n * n = 2));
        CREATE TABLE needs (id serial PRIMARY KEY, never_id int NOT NULL REFERENCES never);
        CREATE TABLE may (id serial PRIMARY KEY, never_id int REFERENCES never);
    """).fill()
    assert [seeding.of(name).rows for name in ("never", "needs", "may")] == [0, 0, 100]
    assert seeding.of("never").why == "its check absurd cannot be satisfied"
    assert seeding.of("needs").why == "needs public.never, which has no rows"
    assert seeding.one("SELECT count(never_id) FROM may") == 0


def test_an_unknown_type_is_named(schema) -> None:
    seeding = schema("CREATE TABLE t (id int PRIMARY KEY, r regclass NOT NULL)").fill()
    assert seeding.of("t").why == "values of the type regclass cannot be made"


def test_a_cycle_that_is_checked_at_once_is_named(schema) -> None:
    seeding = schema("""
        CREATE TABLE a (id int PRIMARY KEY, b_id int NOT NULL);
        CREATE TABLE b (id int PRIMARY KEY, a_id int NOT NULL REFERENCES a);
        ALTER TABLE a ADD CONSTRAINT a_to_b FOREIGN KEY (b_id) REFERENCES b;
    """).fill()
    assert "form a cycle that is checked at once (a_to_b)" in seeding.of("a").why


def test_a_trigger_that_refuses_is_named(schema) -> None:
    seeding = schema("""
        CREATE TABLE t (id int PRIMARY KEY);
        CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN RAISE EXCEPTION 'not on Sundays'; END $$;
        CREATE TRIGGER no BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no();
    """).fill()
    assert seeding.of("t").why == "not on Sundays"


def test_every_table_of_a_hard_schema_is_filled(schema) -> None:
    seeding = schema(TENANTS).fill(60)
    assert {one.table.name.partition(".")[2]: one.rows for one in seeding.filled} == {
        "tenant": 60,
        "person": 60,
        "project": 60,
        "member": 60,
    }
    assert all(not one.why for one in seeding.filled)
    assert seeding.one("SELECT count(*) FROM person WHERE manager_id IS NOT NULL") > 0
    assert seeding.one("SELECT count(DISTINCT status) FROM project") == 3


def test_the_same_seed_makes_the_same_rows_and_another_does_not(schema) -> None:
    first, second, third = (
        schema(TENANTS).fill(30, seed).all("SELECT p::text FROM project p ORDER BY 1")
        for seed in (4, 4, 5)
    )
    assert first == second
    assert first != third


def test_a_cycle_with_a_nullable_key_is_closed_afterwards(schema) -> None:
    seeding = schema("""
        CREATE TABLE c (id serial PRIMARY KEY, d_id int);
        CREATE TABLE d (id serial PRIMARY KEY, c_id int NOT NULL UNIQUE REFERENCES c);
        ALTER TABLE c ADD FOREIGN KEY (d_id) REFERENCES d;
    """).fill()
    assert seeding.one("SELECT count(*) FROM c JOIN d ON d.id = c.d_id") > 50
    assert seeding.one("SELECT count(*) FROM d") == 100


def test_a_cycle_with_deferred_constraints_is_closed(schema) -> None:
    seeding = schema("""
        CREATE TABLE a (id serial PRIMARY KEY, b_id int NOT NULL);
        CREATE TABLE b (id serial PRIMARY KEY, a_id int NOT NULL REFERENCES a DEFERRABLE);
        ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b DEFERRABLE;
    """).fill()
    assert seeding.one("SELECT count(*) FROM a JOIN b ON b.id = a.b_id") == 100


def test_rows_refer_to_rows_of_their_own_table(schema) -> None:
    seeding = schema("""
        CREATE TABLE node (id serial PRIMARY KEY, up int NOT NULL REFERENCES node);
        CREATE TABLE tree (id uuid PRIMARY KEY, up uuid REFERENCES tree, CHECK (up <> id));
    """).fill()
    assert seeding.one("SELECT count(*) FROM node WHERE up = id") == 1
    assert 50 < seeding.one("SELECT count(up) FROM tree") < 100


def test_a_unique_key_is_used_once_and_the_rest_is_said(schema) -> None:
    seeding = schema("""
        CREATE TABLE flag (kind bool PRIMARY KEY);
        CREATE TABLE once (flag_kind bool UNIQUE NOT NULL REFERENCES flag);
        CREATE TABLE pair (a bool NOT NULL REFERENCES flag, b int CHECK (b IN (1, 2)) NOT NULL,
                           PRIMARY KEY (a, b));
    """).fill()
    assert [seeding.of(name).rows for name in ("flag", "once", "pair")] == [2, 2, 4]
    assert seeding.of("pair").why == "there are no more combinations of its unique values"


def test_partitions_get_rows_within_their_bounds(schema) -> None:
    seeding = schema("""
        CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY, made timestamp NOT NULL,
                          kind text NOT NULL) PARTITION BY RANGE (made);
        CREATE TABLE log_20 PARTITION OF log FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
        CREATE TABLE log_21 PARTITION OF log FOR VALUES FROM ('2021-01-01') TO ('2021-02-01')
          PARTITION BY LIST (kind);
        CREATE TABLE log_21_x PARTITION OF log_21 FOR VALUES IN ('x', 'y');
    """).fill()
    assert seeding.one("SELECT count(*) FROM log_20") > 20
    assert seeding.one("SELECT count(*) FROM log_21_x") > 20


def test_an_exclusion_constraint_is_respected(schema) -> None:
    seeding = schema("""
        CREATE TABLE booking (id serial PRIMARY KEY, during daterange NOT NULL,
                              EXCLUDE USING gist (during WITH &&));
    """).fill(3)
    assert seeding.of("booking").rows == 3


def test_every_type_of_postgresql_is_filled(schema) -> None:
    seeding = schema("""
        CREATE TYPE mood AS ENUM ('sad', 'ok');
        CREATE TYPE pair AS (amount numeric(8,2), currency char(3));
        CREATE TABLE types (a int2 NOT NULL, b float4 NOT NULL, c float8 NOT NULL,
          d bit(5) NOT NULL, e varbit(7) NOT NULL, f time NOT NULL, g timetz NOT NULL,
          h interval NOT NULL, i money NOT NULL, j bytea NOT NULL, k char(4) NOT NULL,
          "Ü ü" text NOT NULL, l tsvector NOT NULL, m point NOT NULL, n int[] NOT NULL,
          o numeric NOT NULL, p numeric(3,3) NOT NULL, q int4multirange NOT NULL,
          r daterange NOT NULL, s mood[] NOT NULL, t json NOT NULL, u cidr NOT NULL,
          v oid NOT NULL, w pair NOT NULL, x macaddr NOT NULL, y timestamp(0) NOT NULL,
          z polygon NOT NULL, aa text[][] NOT NULL, bb "char" NOT NULL);
    """).fill()
    assert (seeding.of("types").rows, seeding.of("types").why) == (100, "")


def test_sequences_go_on_after_the_rows(schema) -> None:
    seeding = schema("""
        CREATE TABLE a (id serial PRIMARY KEY);
        CREATE TABLE b (id int GENERATED ALWAYS AS IDENTITY (START 5) PRIMARY KEY, n int);
    """).fill()
    assert seeding.one("SELECT nextval('a_id_seq')") == 101
    with psycopg.connect(seeding.dsn) as connection:
        row = connection.execute("INSERT INTO b (n) VALUES (1) RETURNING id").fetchone()
    assert row == (101,)


def test_a_row_satisfies_checks_across_columns(schema) -> None:
    seeding = schema("""
        CREATE TABLE t (id serial PRIMARY KEY, a date NOT NULL, b date NOT NULL CHECK (b > a),
          x int, y int, z int, CHECK (num_nonnulls(x, y, z) = 1),
          net numeric(8,2) NOT NULL, gross numeric(8,2) NOT NULL CHECK (gross = net * 2));
    """).fill()
    assert (seeding.of("t").rows, seeding.of("t").why) == (100, "")


def test_rows_are_distributed_as_the_statistics_of_former_rows(schema) -> None:
    seeding = schema("""
        CREATE TABLE sale (id int, kind text, price int);
        INSERT INTO sale SELECT g, CASE WHEN g % 10 < 8 THEN 'shop' ELSE 'web' END,
                                CASE WHEN g % 2 = 0 THEN 5000 + g END
        FROM generate_series(1, 2000) g;
        ANALYZE sale;
        DELETE FROM sale;
    """).fill(1000)
    assert {kind for (kind,) in seeding.all("SELECT DISTINCT kind FROM sale")} == {"shop", "web"}
    assert 750 < seeding.one("SELECT count(*) FROM sale WHERE kind = 'shop'") < 850
    assert 400 < seeding.one("SELECT count(price) FROM sale") < 600
    assert seeding.one("SELECT min(price) FROM sale") >= 5000


def test_choices_and_validators_of_the_models_are_followed(schema) -> None:
    fields = (
        Field("size", "size", "CharField", choices=("S", "M", "L")),
        Field("stars", "stars", "IntegerField", minimum="3", maximum="4"),
        Field("code", "code", "CharField", pattern=r"^[A-Z]{3}\d{2}\Z"),
        Field("mail", "whatever", "EmailField", max_length=40),
    )
    model = Model("shop.Item", "django", "shop.models", "Item", "item", fields=fields)
    seeding = schema("""
        CREATE TABLE item (id serial PRIMARY KEY, size text NOT NULL, stars int NOT NULL,
                           code text UNIQUE NOT NULL, whatever text NOT NULL);
    """).fill(models=(model,))
    assert {size for (size,) in seeding.all("SELECT size FROM item")} == {"S", "M", "L"}
    assert {stars for (stars,) in seeding.all("SELECT stars FROM item")} == {3, 4}
    assert seeding.one("SELECT bool_and(code ~ '^[A-Z]{3}[0-9]{2}$') FROM item")
    assert seeding.one("SELECT bool_and(whatever LIKE '%@example.com') FROM item")


def test_tables_of_other_schemas_and_quoted_names_are_filled(schema) -> None:
    seeding = schema("""
        CREATE SCHEMA "My Data";
        CREATE TABLE "My Data"."The Table" ("The Key" serial PRIMARY KEY, "select" int);
    """).fill()
    assert [one.rows for one in seeding.filled] == [100]


def test_names_are_plausible(schema) -> None:
    seeding = schema("""
        CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL, email text NOT NULL,
          city varchar(40) NOT NULL, age int NOT NULL, price numeric(10,2) NOT NULL);
    """).fill()
    assert seeding.one("SELECT bool_and(name ~ '^[A-Z][a-z]+ [A-Z][a-z]+$') FROM customers")
    assert seeding.one("SELECT bool_and(email LIKE '%.%@example.com') FROM customers")
    assert seeding.one("SELECT bool_and(age BETWEEN 18 AND 90) FROM customers")
    assert seeding.one("SELECT bool_and(price BETWEEN 0 AND 1000) FROM customers")


def test_a_parent_whose_row_was_refused_gets_another(schema) -> None:
    seeding = schema("""
        CREATE TABLE a (id serial PRIMARY KEY);
        CREATE TABLE b (a_id int NOT NULL UNIQUE REFERENCES a, n int NOT NULL CHECK (n % 7 = 3));
    """).fill()
    assert (seeding.of("b").rows, seeding.of("b").why) == (100, "")
