import pytest

from tests.negatives.cases import cases

READS = "return [(o.number, o.total) for o in «Order.objects.{}»]"

CASES = {
    "a row is given to a helper": ["return [line(o, o.number) for o in «Order.objects.all()»]"],
    "a row is printed": ["return [f'{o}: {o.number}' for o in «Order.objects.all()»]"],
    "a row is compared": ["return [o.number for o in «Order.objects.all()» if o != request.order]"],
    "a row is kept": ["return {o.number: o for o in «Order.objects.all()»}"],
    "a row is changed": [
        "for o in «Order.objects.all()»:",
        "    o.number = 'x'",
    ],
    "a property of the row is read": ["return [o.label for o in «Order.objects.all()»]"],
    "a method of the row is called": [
        "return [o.get_status_display() for o in «Order.objects.all()»]"
    ],
    "its rows are read through a to-many relation": [
        "return [len(o.items.all()) for o in «Order.objects.all()»]"
    ],
    "the rows are returned as well": [
        "orders = «Order.objects.all()»",
        "return [o.number for o in orders], orders",
    ],
    "the last row is read after the loop": [
        "for o in «Order.objects.all()»:",
        "    request.seen(o.number)",
        "return o",
    ],
    "only() is there": [READS.format("only('number', 'total')")],
    "defer() is there": [READS.format("defer('note')")],
    "the rows are distinct": [READS.format("distinct()")],
    "the rows are locked": [READS.format("select_for_update()")],
    "the queryset yields values": [READS.format("values_list('number', 'total', named=True)")],
    "the row is saved": [
        "for o in «Order.objects.all()»:",
        "    o.save()",
    ],
    "the row's class is asked for an attribute by name": [
        "return [getattr(o, request.name) for o in «Order.objects.all()»]"
    ],
}


def view(lines: list[str]) -> str:
    return "def run(request):\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize("lines", cases(CASES))
def test_silent(lines, rows_bench):
    rows_bench.detector = "unused-column"
    assert rows_bench.findings(view(lines)) == []


def test_the_slow_form_fires(rows_bench):
    rows_bench.detector = "unused-column"
    assert rows_bench.findings(view([READS.format("all()")]))
