import pytest
from msgspec.structs import replace

from tests.builders import query
from unslow.lab.diagnose.unused_column import find_in_source
from unslow.model import Table

LOOP = [
    "lines = []",
    "for order in «Order.objects.filter(paid=True)»:",
    "    lines.append(f'{order.number} {order.total}')",
    "return lines",
]


@pytest.fixture
def titles(rows_bench):
    rows_bench.detector = "unused-column"
    return lambda *lines: [one.title for one in rows_bench.findings(view(*lines))]


def view(*lines):
    return "def run(request):\n" + "".join(f"    {line}\n" for line in lines)


def test_silent_for_few_rows(rows_bench, titles):
    rows_bench.rows = 99
    assert titles(*LOOP) == []


def test_silent_for_totals(titles):
    assert titles("return sum(order.total for order in «Order.objects.all()»)") == []


@pytest.mark.parametrize(("length", "found"), [(900, 0), (1000, 1)])
def test_long_rows_count_sooner(rows_bench, length, found):
    rows_bench.rows = 20
    seen = rows_bench.trace(view(*LOOP))
    table = Table("orders", rows=10, bytes=10 * length)

    def read(path):
        return (rows_bench.root / path).read_bytes()

    assert len(list(find_in_source(replace(seen, tables=(table,)), read))) == found


def test_silent_when_the_loop_asks_for_more(rows_bench):
    seen = rows_bench.trace(view(*LOOP))
    per_row = query("SELECT 1", "shop/views.py:4:10 run")
    requests = [replace(one, queries=(*one.queries, *per_row.all)) for one in seen.requests]
    busy = replace(seen, requests=tuple(requests))

    def read(path):
        return (rows_bench.root / path).read_bytes()

    assert list(find_in_source(seen, read))
    assert list(find_in_source(busy, read)) == []


def test_silent_where_a_comment_allows_it(titles):
    comment = "# unslow: allow unused-column -- more columns soon"
    assert titles(LOOP[0], comment, *LOOP[1:]) == []


def test_names_the_queryset_and_what_is_read(rows_bench, titles):
    (found,) = rows_bench.findings(view(*LOOP)) if titles(*LOOP) else [None]
    assert found.title == (
        "GET orders/ reads 2 of 12 columns of 500 rows of Order (shop/views.py:3 in run)"
    )
    assert found.evidence.fields == ("number", "total")
    assert "note" in found.evidence.unused
    assert found.evidence.orm == "django"


def test_a_long_column_is_enough(rows_bench, titles):
    reads = " ".join(
        f"{{order.{name}}}"
        for name in ("number", "status", "total", "price", "rate", "paid", "placed_at")
    )
    assert titles(f"return [f'{reads}' for order in «Order.objects.all()»]")
