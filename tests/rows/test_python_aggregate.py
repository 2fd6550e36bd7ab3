import pytest

from unslow.lab.prescribe import Source, django_aggregate, sqlalchemy_aggregate


@pytest.fixture
def titles(rows_bench):
    rows_bench.detector = "python-aggregate"
    return lambda text: [one.title for one in rows_bench.findings(text)]


def view(*lines):
    return "def run(request):\n" + "".join(f"    {line}\n" for line in lines)


SLOW = "return sum(o.total for o in «Order.objects.all()»)"


def test_silent_when_a_row_is_used_as_well(titles):
    lines = ["orders = «Order.objects.all()»", "return sum(o.total for o in orders), orders[0]"]
    assert titles(view(*lines)) == []


def test_silent_for_few_rows(rows_bench, titles):
    rows_bench.rows = 19
    assert titles(view(SLOW)) == []


def test_silent_where_a_comment_allows_it(titles):
    assert titles(view(f"{SLOW}  # unslow: allow python-aggregate -- cached")) == []


def test_names_the_expression_and_what_it_wants(titles, rows_bench):
    assert titles(view(SLOW)) == [
        "GET orders/ reads 500 rows to add them up in Python (shop/views.py:2 in run)"
    ]
    (found,) = rows_bench.findings(view(SLOW))
    assert (found.cause.column, found.cause.end_column) == (11, 52)
    assert found.evidence.rows == 500


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("return len(«Order.objects.all()»)", "count them"),
        ("return sum(1 for o in «Order.objects.all()»)", "count them"),
        ("return max((o.total for o in «Order.objects.all()»), default=0)", "find the largest"),
        ("return min((o.total for o in «Order.objects.all()»), default=0)", "find the smallest"),
    ],
)
def test_tells_what_the_rows_are_read_for(titles, line, what):
    (title,) = titles(view(line))
    assert f"reads 500 rows to {what} in Python" in title


def test_a_loop_is_named_by_what_it_runs_over(titles, rows_bench):
    lines = ["n = 0", "for o in «Order.objects.all()»:", "    n += o.total", "return n"]
    (found,) = rows_bench.findings(view(*lines))
    assert (found.cause.line, found.cause.column, found.cause.end_column) == (3, 13, 32)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("return mean(o.total for o in «Order.objects.all()»)", "average them"),
        ("return statistics.fmean([o.rate for o in «Order.objects.all()»])", "average them"),
        ("return max(«Order.objects.all()», key=lambda o: o.total)", "find one of them"),
        ("return Counter(o.status for o in «Order.objects.all()»)", "add them up by groups"),
    ],
)
def test_tells_of_averages_rows_and_groups(titles, line, what):
    (title,) = titles(view(line))
    assert f"reads 500 rows to {what} in Python" in title


@pytest.mark.parametrize("orm", [django_aggregate, sqlalchemy_aggregate])
def test_says_why_an_average_is_not_written(rows_bench, orm):
    rows_bench.detector = "python-aggregate"
    rows_bench.orm = orm.__name__.rpartition(".")[2].partition("_")[0]
    query = "Order.objects.all()" if rows_bench.orm == "django" else "db.scalars(select(Order))"
    text = view(f"return mean(o.total for o in «{query}»)")
    seen = rows_bench.trace(text)
    (found,) = rows_bench.findings(text)
    (advice,) = orm.fix(found, Source([rows_bench.root], seen.models, seen))
    assert "other digits" in advice.reason
