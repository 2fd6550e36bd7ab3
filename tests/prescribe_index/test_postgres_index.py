import psycopg

from tests.prescribe_index.writing import field, finding, model, patches, trace
from unslow.lab.prescribe import Source
from unslow.lab.prescribe.postgres_index import fix
from unslow.model import Index, Table


def raw(*columns, **more):
    return finding(*columns, model="", table="events", **more)


def test_nothing_for_a_table_with_a_model(tmp_path):
    text = "class Order:\n    pass\n"
    known = model("shop.Order", "django", text, "shop/models.py", "shop_order", field("status"))
    assert list(fix(finding("status"), Source([tmp_path], [known]))) == []


def test_nothing_when_the_index_is_there(tmp_path):
    table = Table("events", indexes=(Index("events_kind_idx", ("kind",)),))
    assert list(fix(raw("kind"), Source([tmp_path], (), trace(table)))) == []


def test_the_sql_runs_and_the_summary_does_not_block_writes(tmp_path, postgres):
    one = raw("kind", order=("-made_at",))
    [whole, plain] = patches(list(fix(one, Source([tmp_path]))))
    assert whole.summary == (
        'Run CREATE INDEX CONCURRENTLY "events_kind_made_at_idx" '
        'ON "events" ("kind", "made_at" DESC)'
    )
    assert (whole.edits, whole.files) == ((), ())
    with psycopg.connect(postgres.create("raw_index")) as connection:
        connection.execute("CREATE TABLE events (kind text, made_at timestamptz)")
        for statement in (*whole.sql, *plain.sql):
            connection.execute(statement)


def test_a_table_of_another_schema_is_named_with_it(tmp_path):
    source = Source([tmp_path], (), trace(Table("events", "audit")))
    [patch] = patches(list(fix(raw("kind"), source)))
    assert patch.sql == (
        'CREATE INDEX IF NOT EXISTS "events_kind_idx" ON "audit"."events" ("kind")',
    )


def test_a_long_name_is_cut_where_postgresql_would_cut_it(tmp_path):
    columns = ("first_of_the_columns", "second_of_the_columns", "third_of_the_columns")
    [first, *_] = patches(list(fix(raw(*columns), Source([tmp_path]))))
    name = first.sql[0].split('"')[1]
    assert len(name) <= 63
    assert name.startswith("events_first_of_the_columns_second_of_the_columns_")
    assert name.endswith("_idx")


def test_names_that_need_quotes_are_quoted(tmp_path):
    [patch] = patches(list(fix(raw("orderId"), Source([tmp_path]))))
    assert patch.sql == ('CREATE INDEX IF NOT EXISTS "events_orderid_idx" ON "events" ("orderId")',)
