"""How many rows a minute growing makes: the demo's shop, and a schema with every kind of key.

python -m benchmarks.growth            5 000 orders, four times, then four times more
python -m benchmarks.growth --orders 20000
"""

import argparse
import time

import psycopg

from unslow.demo import run
from unslow.demo.postgres import postgres
from unslow.demo.seed import Flavour, seed
from unslow.lab.growth.amplify import Amplified, amplify
from unslow.lab.target import Database

FACTORS = (4, 4)
FLAVOURS: tuple[Flavour, ...] = ("django", "fastapi")
ROWS = 20_000
MIXED = f"""
CREATE TABLE team (id uuid PRIMARY KEY, name text NOT NULL UNIQUE, parent_id uuid REFERENCES team);
CREATE TABLE member (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, team_id uuid NOT NULL REFERENCES team,
  email varchar(60) NOT NULL, phone varchar(12) UNIQUE, tags text[] NOT NULL, extra jsonb NOT NULL,
  lowered text GENERATED ALWAYS AS (lower(email)) STORED, CHECK (email LIKE '%@%')
);
CREATE UNIQUE INDEX ON member (lower(email));
CREATE TABLE friend (
  one bigint REFERENCES member, other bigint REFERENCES member, PRIMARY KEY (one, other)
);
CREATE TABLE visit (id bigserial, at timestamptz NOT NULL, member_id bigint REFERENCES member,
  PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE visit_old PARTITION OF visit FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE visit_new PARTITION OF visit FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE booking (
  room int NOT NULL, during tstzrange NOT NULL, member_id bigint REFERENCES member,
  EXCLUDE USING gist (int4range(room, room, '[]') WITH =, during WITH &&)
);
INSERT INTO team SELECT md5(n::text)::uuid, 'Team ' || n, md5((n / 2)::text)::uuid
  FROM generate_series(0, 999) n;
INSERT INTO member (team_id, email, phone, tags, extra)
  SELECT md5((n % 1000)::text)::uuid, 'm' || n || '@x.org', lpad(n::text, 9, '0'), ARRAY['a', 'b'],
         jsonb_build_object('n', n) FROM generate_series(1, {ROWS}) n;
INSERT INTO friend SELECT n, n % {ROWS} + 1 FROM generate_series(1, {ROWS}) n;
INSERT INTO visit (at, member_id) SELECT '2025-07-01'::timestamptz + n * interval '20 minutes', n
  FROM generate_series(1, {ROWS}) n;
INSERT INTO booking SELECT n % 50, tstzrange('2026-01-01'::timestamptz + n * interval '1 hour',
  '2026-01-01'::timestamptz + (n + 1) * interval '1 hour'), n FROM generate_series(1, 2000) n;
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Rows per minute of `unslow audit --grow`.")
    parser.add_argument("--orders", type=int, default=5_000, help="of the demo's shop")
    orders = parser.parse_args().orders
    print(f"{'data':<10} {'from':>10} {'to':>10} {'seconds':>8} {'rows per minute':>16}  not grown")
    with postgres() as server:
        for flavour in FLAVOURS:
            dsn = server.create(f"growth_{flavour}")
            run.migrate(flavour, run.source(flavour), dsn)
            seed(dsn, flavour, orders)
            _measure(flavour, dsn)
        dsn = server.create("growth_mixed")
        with psycopg.connect(dsn) as connection:
            connection.execute(MIXED.encode())
        _measure("mixed", dsn)


def _measure(name: str, dsn: str) -> None:
    reached = 1
    for factor in FACTORS:
        started = time.perf_counter()
        done = amplify(Database("postgresql", dsn, name, name), factor, reached)
        _show(f"{name} ×{factor}", done, time.perf_counter() - started)
        reached *= factor


def _show(name: str, done: Amplified, seconds: float) -> None:
    left = ", ".join(one.table for one in done.ungrown)
    print(
        f"{name:<10} {done.before:>10,} {done.before + done.rows:>10,} {seconds:>8.1f} "
        f"{done.rows / seconds * 60:>16,.0f}  {left}",
        flush=True,
    )


if __name__ == "__main__":
    main()
