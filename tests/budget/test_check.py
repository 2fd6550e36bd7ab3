"""The command line on small applications: what passes, what fails, and what it says."""

import pytest

from tests.budget.conftest import SECRET
from unslow.cli import main

ENOUGH = """
[tool.unslow.budget]
"GET /orders" = { queries = 31, rows = 60, bytes = "1 kB" }
"GET /customers" = { queries = 1, rows = 5 }
"""


def rows(report) -> dict[str, dict[str, object]]:
    return {
        row["endpoint"]: {one["counter"]: one["found"] for one in row["counters"]}
        for row in report["budget"]["endpoints"]
    }


def test_within_the_budget_the_exit_code_is_0(shop) -> None:
    shop.budget(ENOUGH)
    ran, report = shop.report()
    assert ran.code == 0, ran.err
    assert "All 2 endpoints within budget" in ran.out
    assert "Without a budget: GET /health" in ran.out
    assert rows(report)["GET /orders"] == {"queries": 31, "rows": 60, "bytes": 882}


def test_one_query_over_fails_and_says_where_it_comes_from(shop) -> None:
    shop.budget(ENOUGH.replace("queries = 31", "queries = 30"))
    ran = shop.check("--markdown", "comment.md", "--sarif", "over.sarif")
    assert ran.code == 11, ran.err
    comment = (shop.folder / "comment.md").read_text()
    for text in (ran.out, comment):
        assert "1 of 2 endpoints over budget" in text
        assert "31 queries, 30 allowed by 'GET /orders'" in text
        assert "SELECT name FROM customers WHERE email = ?" in text
        assert "app.py:11:11 in owner_of" in text
        assert SECRET not in text
    assert comment.startswith("<!-- unslow check: . -->\n")
    assert '"ruleId": "budget"' in (shop.folder / "over.sarif").read_text()


def test_against_a_base_the_new_statement_is_told_apart(shop) -> None:
    shop.budget(ENOUGH)
    shop.git("commit", "--quiet", "--all", "--message", "Budget")
    shop.change(
        '    name = request.args.get("name", "%")\n',
        '    name = request.args.get("name", "%")\n'
        '    connection.execute("SELECT count(*) FROM orders").fetchone()\n',
    )
    ran = shop.check("--base", "main", "--markdown", "comment.md")
    assert ran.code == 11, ran.err
    assert "2 queries, 1 allowed by 'GET /customers', 1 on the base" in ran.out
    assert "1 × (0 on the base) SELECT count(*) FROM orders" in ran.out
    assert "| **1 → 2/1** | **5 → 6/5** |" in (shop.folder / "comment.md").read_text()


def test_the_work_tree_as_it_was_committed_is_as_fast_as_its_base(shop) -> None:
    shop.budget(ENOUGH + 'default = { time = "1%" }\n')
    shop.git("commit", "--quiet", "--all", "--message", "Budget")
    ran, report = shop.report("--base", "main")
    assert ran.code == 0, ran.err
    times = [row["time"] for row in report["budget"]["endpoints"]]
    assert {(one["status"], one["reason"]) for one in times} == {
        ("within", "the same code as the base")
    }


def test_a_slower_plan_fails_by_its_time_alone(warehouse) -> None:
    warehouse.budget(
        '[tool.unslow.budget]\n"GET /items" = { queries = 1, rows = 1, time = "20%" }\n'
    )
    warehouse.git("commit", "--quiet", "--all", "--message", "Budget")
    warehouse.change("number = 7", "number + 0 = 7")
    ran, report = warehouse.report("--base", "main")
    [row] = report["budget"]["endpoints"]
    assert row["time"]["status"] == "exceeded", ran.out + ran.err
    assert 1 / row["time"]["speedup"]["high"] > 1.2
    assert ran.code == 11
    assert "+20 % allowed by 'GET /items'" in ran.out
    assert all(one["found"] <= one["limit"] for one in row["counters"] if one["limit"] is not None)


def test_what_is_suggested_passes_and_no_file_is_edited(shop) -> None:
    before = (shop.folder / "pyproject.toml").read_text()
    ran = shop.check("--suggest")
    assert ran.code == 0, ran.err
    assert '"GET /orders" = { queries = 31, rows = 60, bytes = 890 }' in ran.out
    assert (shop.folder / "pyproject.toml").read_text() == before
    shop.budget(ran.out)
    assert shop.check().code == 0


def test_a_budget_that_matches_nothing_is_wrong_usage(shop) -> None:
    shop.budget('[tool.unslow.budget]\n"GET /order" = { queries = 1 }\n')
    ran = shop.check()
    assert ran.code == 2
    assert "'GET /order' matches no endpoint of the application" in ran.err
    assert "Did you mean 'GET /orders'?" in ran.err


def test_a_budget_of_what_cannot_be_exercised_is_said_and_fails_nothing(shop) -> None:
    shop.budget(ENOUGH)
    ran, report = shop.report("--exclude", "GET /customers")
    assert ran.code == 0, ran.err
    assert "Not checked: GET /customers: excluded by --exclude" in ran.out
    assert report["budget"]["unchecked"] == ["GET /customers"]


def refusal(shop, monkeypatch, capsys, *words: str) -> str:
    """What the command says of wrong usage, in this process: it starts nothing."""
    monkeypatch.chdir(shop.folder)
    with pytest.raises(SystemExit) as left:
        main(["check", *words])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert "observe" not in said
    return said


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "has no [tool.unslow.budget]"),
        ('[tool.unslow.budget]\n"GET /orders" = { querys = 1 }\n', "has no limit 'querys'"),
        ("[tool.unslow.budget]\nqueries = 1\n", "is a limit where a route is expected"),
    ],
)
def test_a_wrong_table_is_refused_before_anything_starts(
    shop, monkeypatch, capsys, table, said
) -> None:
    shop.budget(table)
    assert said in refusal(shop, monkeypatch, capsys)


def test_an_unknown_base_is_refused_before_anything_starts(shop, monkeypatch, capsys) -> None:
    shop.budget(ENOUGH)
    said = refusal(shop, monkeypatch, capsys, "--base", "nowhere")
    assert "'nowhere' is no revision" in said
