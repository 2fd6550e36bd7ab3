"""Fills the helpdesk: the same rows whenever it is called, made by the database itself."""

from dataclasses import dataclass

import psycopg


@dataclass(frozen=True)
class Size:
    """Rows per table. Each customer has a share of the tickets, each ticket of the comments."""

    customers: int = 1000
    tickets: int = 20_000
    comments: int = 100_000
    usages: int = 40_000
    events: int = 200_000
    agents: int = 50
    labels: int = 40


SMALL = Size(60, 300, 900, 600, 1000, 8, 10)

# md5 scatters the values over the rows; one customer of all has an empty nickname.
STATEMENTS = (
    """INSERT INTO desk_agent (id, name)
       SELECT n, 'Agent ' || left(md5(n::text), 6) FROM generate_series(1, {agents}) n""",
    """INSERT INTO desk_label (id, name)
       SELECT n, left(md5('label' || n), 8) FROM generate_series(1, {labels}) n""",
    """INSERT INTO desk_customer (id, name, nickname, email)
       SELECT n, 'Customer ' || n,
              CASE WHEN n = {customers} * 2 / 3 THEN ''
                   WHEN n % 3 = 0 THEN 'Friend ' || n END,
              'customer' || n || '@example.com'
       FROM generate_series(1, {customers}) n""",
    """INSERT INTO desk_ticket (id, title, customer_id, assignee_id, state, opened_on, due_on)
       SELECT n, 'Ticket ' || left(md5(n::text), 12), 1 + n * 7 % {customers},
              CASE WHEN n % 11 > 0 THEN 1 + n * 13 % {agents} END,
              CASE WHEN n * 7919 % 1009 % 4 = 0 THEN 'open' ELSE 'closed' END,
              date '2026-01-01' + n * 17 % 300, date '2026-11-01' + n * 31 % 40
       FROM generate_series(1, {tickets}) n""",
    """INSERT INTO desk_ticket_labels (ticket_id, label_id)
       SELECT n, 1 + (n * 3 + i * 5) % {labels}
       FROM generate_series(1, {tickets}) n, generate_series(0, 1) i""",
    """INSERT INTO desk_comment (id, ticket_id, author_id, text, written_at)
       SELECT n, 1 + n * 13 % {tickets}, CASE WHEN n % 5 > 0 THEN 1 + n * 7 % {agents} END,
              'Answer ' || md5(n::text), timestamptz '2026-10-01' + n * interval '10 seconds'
       FROM generate_series(1, {comments}) n""",
    """INSERT INTO desk_usage (id, customer_id, amount)
       SELECT n, 1 + n % {customers}, (n * 7919 % 1000003) / 10000.0
       FROM generate_series(1, {usages}) n""",
    """INSERT INTO desk_event (id, ticket_number, kind, happened_at)
       SELECT n, 1 + n * 17 % {tickets}, (ARRAY['opened', 'assigned', 'comment'])[1 + n % 3],
              timestamptz '2026-10-01' + n * interval '5 seconds'
       FROM generate_series(1, {events}) n""",
)
TABLES = ("agent", "label", "customer", "ticket", "comment", "usage", "event")


def seed(dsn: str, size: Size) -> None:
    """Fill the empty tables of the helpdesk."""
    with psycopg.connect(dsn) as connection:
        for statement in STATEMENTS:
            connection.execute(statement.format(**vars(size)).encode())
        for table in TABLES:
            connection.execute(
                f"SELECT setval('desk_{table}_id_seq', (SELECT max(id) FROM desk_{table}))".encode()
            )
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
