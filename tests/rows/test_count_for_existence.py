import pytest
from msgspec.structs import replace

from unslow.lab.diagnose.count_for_existence import find_in_source
from unslow.model import Plan, PlanNode

COUNT = "return «Order.objects.filter(paid=True).count()» > 0"


@pytest.fixture
def titles(rows_bench):
    rows_bench.detector = "count-for-existence"
    return lambda *lines: [one.title for one in rows_bench.findings(view(*lines))]


@pytest.fixture
def count(rows_bench, titles):
    rows_bench.loads = {"kind": "count"}
    return titles


def view(*lines):
    return "def run(request):\n" + "".join(f"    {line}\n" for line in lines)


def test_silent_for_few_rows(rows_bench, titles):
    rows_bench.rows = 19
    assert titles("return len(«Order.objects.all()») > 0") == []


@pytest.mark.parametrize(("rows", "found"), [(499, 0), (500, 1)])
def test_a_short_count_is_no_matter(rows_bench, count, rows, found):
    seen = rows_bench.trace(view(COUNT))
    name = seen.requests[0].queries[0].fingerprint
    scan = PlanNode("Seq Scan", table="orders", rows=rows - 9, rows_removed=9)
    top = PlanNode("Aggregate", rows=1, children=(scan,))
    planned = replace(seen, plans=(Plan(name, "SELECT", 1.0, top),))

    def read(path):
        return (rows_bench.root / path).read_bytes()

    assert len(list(find_in_source(planned, read))) == found


def test_names_the_comparison_of_a_count(rows_bench, count):
    assert count(COUNT) == [
        "GET orders/ counts rows to know if there are any (shop/views.py:2 in run)"
    ]
    (found,) = rows_bench.findings(view(COUNT))
    assert (found.cause.column, found.cause.end_column) == (11, 54)


def test_names_the_test_of_rows(rows_bench, titles):
    lines = ["orders = «Order.objects.all()»", "if not orders:", "    return 1", "return 2"]
    assert titles(*lines) == [
        "GET orders/ reads 500 rows to know if there are any (shop/views.py:3 in run)"
    ]


def test_is_no_total_as_well(rows_bench, titles):
    rows_bench.detector = "python-aggregate"
    assert titles("return len(«Order.objects.all()») > 0") == []
