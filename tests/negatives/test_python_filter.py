import pytest

from tests.negatives.cases import cases

PICK = "return [o for o in «Order.objects.all()» if {}]"
SORT = "return sorted(«Order.objects.all()», key=lambda o: o.{})[:10]"

CASES = {
    "a property decides": [PICK.format("o.is_late")],
    "a method decides": [PICK.format("o.may_be_seen_by(request.user)")],
    "a related row decides": [PICK.format("o.customer.active")],
    "the order of texts decides": [PICK.format("o.status > 'm'")],
    "a part of a text decides": [PICK.format("'urgent' in o.note")],
    "a column that may be NULL is unequal": [PICK.format("o.sent_at != request.day")],
    "the year of a moment depends on the time zone": [PICK.format("o.placed_at.year == 2025")],
    "a text is compared with a number": [PICK.format("o.status == 3")],
    "a value is compared with one of its row": [PICK.format("o.total > o.price")],
    "either condition will do": [PICK.format("o.paid or o.total > 3")],
    "the value is asked for anew for each row": [PICK.format("o.total > least()")],
    "all rows are used as well": [
        "orders = «Order.objects.all()»",
        "return [o for o in orders if o.paid], orders",
    ],
    "the queryset is sliced before": ["return [o for o in «Order.objects.all()»[:90] if o.paid]"],
    "the queryset is distinct": ["return [o for o in «Order.objects.distinct()» if o.paid]"],
    "the loop has something for the others": [
        "for o in «Order.objects.all()»:",
        "    if o.paid:",
        "        send(o)",
        "    else:",
        "        remind(o)",
    ],
    "the loop counts the others before": [
        "for o in «Order.objects.all()»:",
        "    request.seen(o)",
        "    if not o.paid:",
        "        continue",
        "    send(o)",
    ],
    "the loop looks for the largest": [
        "best = 0",
        "for o in «Order.objects.all()»:",
        "    if o.total > best:",
        "        best = o.total",
    ],
    "texts are sorted by the collation": [SORT.format("number")],
    "a sorted column may be NULL": [SORT.format("sent_at")],
    "a property is sorted by": [SORT.format("margin")],
    "all sorted rows are kept": ["return sorted(«Order.objects.all()», key=lambda o: o.total)"],
    "the last rows are kept": ["return sorted(«Order.objects.all()», key=lambda o: o.total)[-10:]"],
    "a page of the rows is kept": ["return list(«Order.objects.all()»)[10:20]"],
    "a key of the caller sorts": ["return sorted(«Order.objects.all()», key=request.key)[:10]"],
}


def view(lines: list[str]) -> str:
    return "def run(request):\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize("lines", cases(CASES))
def test_silent(lines, rows_bench):
    rows_bench.detector = "python-filter"
    assert rows_bench.findings(view(lines)) == []


def test_the_slow_forms_fire(rows_bench):
    rows_bench.detector = "python-filter"
    assert rows_bench.findings(view([PICK.format("o.paid")]))
    assert rows_bench.findings(view([SORT.format("total")]))
