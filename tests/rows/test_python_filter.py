import pytest


@pytest.fixture
def titles(rows_bench):
    rows_bench.detector = "python-filter"
    return lambda *lines: [one.title for one in rows_bench.findings(view(*lines))]


def view(*lines):
    return "def run(request):\n" + "".join(f"    {line}\n" for line in lines)


PICK = "return [o for o in «Order.objects.all()» if o.paid]"


def test_silent_for_few_rows(rows_bench, titles):
    rows_bench.rows = 49
    assert titles(PICK) == []


def test_silent_for_totals(titles):
    assert titles("return sum(o.total for o in «Order.objects.all()» if o.paid)") == []


def test_silent_for_the_slice_of_a_queryset(titles):
    assert titles("return list(«Order.objects.all()»[:10])") == []


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (PICK, "pick some"),
        (
            "return sorted(«Order.objects.all()», key=lambda o: o.total)[:9]",
            "sort them and take the first",
        ),
        ("return list(«Order.objects.all()»)[:9]", "take the first"),
    ],
)
def test_tells_what_python_does(titles, line, what):
    assert titles(line) == [
        f"GET orders/ reads 500 rows to {what} in Python (shop/views.py:2 in run)"
    ]


def test_names_the_comprehension(rows_bench, titles):
    assert titles(PICK)
    (found,) = rows_bench.findings(view(PICK))
    assert (found.cause.column, found.cause.end_column) == (11, 53)
