"""`unslow seed` on the command line."""

import pytest

from unslow.cli import main

SHOP = """
CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE never (id int PRIMARY KEY, CONSTRAINT absurd CHECK (id * id = 2));
"""


@pytest.fixture
def run(capsys):
    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["seed", *words])
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return run


def test_nothing_is_written_without_apply(schema, run, tmp_path) -> None:
    seeding = schema(SHOP)
    code, out, _ = run(
        "--database", seeding.dsn, "--rows", "1500", "--sql", str(tmp_path / "rows.sql")
    )
    assert code == 0
    name = seeding.dsn.rpartition("/")[2]
    assert out.splitlines() == [
        "public.customers      1 500 rows",
        "public.never              0 rows  its check absurd cannot be satisfied",
        f"1 500 rows in 1 tables of a clone; {name} itself is unchanged.",
        f"wrote {tmp_path / 'rows.sql'}",
    ]
    assert seeding.one("SELECT count(*) FROM customers") == 0


def test_the_named_database_is_written_with_apply(schema, run) -> None:
    seeding = schema(SHOP)
    code, out, _ = run("--database", seeding.dsn, "--rows", "20", "--apply")
    assert code == 0
    assert "20 rows in 1 tables, written to " in out
    assert seeding.one("SELECT count(*) FROM customers") == 20


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--apply"], "add --database DSN"),
        (["--database", "x.db", "--apply", "--sql", "x.sql"], "--sql shows them"),
        (["--database", "there/is/no.db"], "no database file"),
    ],
)
def test_wrong_usage_names_the_remedy(run, words, told) -> None:
    code, _, err = run(*words)
    assert code == 2
    assert told in err
