import pytest

from tests.negatives.cases import cases

CASES = {
    "the rows are returned as well": [
        "orders = «Order.objects.all()»",
        "return sum(o.total for o in orders), list(orders)",
    ],
    "the rows are given to a template": [
        "orders = «Order.objects.all()»",
        "return render(request, 'page.html', {'orders': orders, 'number': len(orders)})",
    ],
    "a property of the row is added up": ["return sum(o.margin for o in «Order.objects.all()»)"],
    "a method of the row is added up": ["return sum(o.cost() for o in «Order.objects.all()»)"],
    "floats, whose sum depends on the order": ["return sum(o.rate for o in «Order.objects.all()»)"],
    "a related row is read on the way": [
        "return sum(o.customer.credit for o in «Order.objects.all()»)"
    ],
    "the largest of texts": ["return max((o.status for o in «Order.objects.all()»), default='')"],
    "the largest of no rows raises": ["return max(o.total for o in «Order.objects.all()»)"],
    "the condition is a function of Python": [
        "return sum(o.total for o in «Order.objects.all()» if is_due(o))"
    ],
    "the loop does something else as well": [
        "total = 0",
        "for o in «Order.objects.all()»:",
        "    total += o.total",
        "    notify(o)",
        "return total",
    ],
    "the loop keeps a running total": [
        "total = 0",
        "steps = 0",
        "for o in «Order.objects.all()»:",
        "    total += o.total",
        "    steps += total",
        "return steps",
    ],
    "the sum begins with another value": [
        "return sum((o.total for o in «Order.objects.all()»), request.start)"
    ],
    "the rows are locked": [
        "return sum(o.total for o in «Order.objects.select_for_update()»)",
    ],
    "the name holds another list later": [
        "orders = «Order.objects.all()»",
        "orders = prepare(request)",
        "return sum(o.total for o in orders)",
    ],
    "the rows are a parameter of a helper": [
        "return total_of(«Order.objects.all()»)",
    ],
    "a dictionary keeps the last row of each group": [
        "for o in «Order.objects.all()»:",
        "    last[o.status] = o.total",
    ],
    "groups of a text that Python makes": [
        "for o in «Order.objects.all()»:",
        "    totals[o.status.lower()] += o.total",
    ],
    "floats by groups": ["for o in «Order.objects.all()»:", "    totals[o.status] += o.rate"],
    "rows of each group are kept": [
        "for o in «Order.objects.all()»:",
        "    groups[o.status] += [o]",
    ],
    "the last row of the loop is read after it": [
        "for o in «Order.objects.all()»:",
        "    totals[o.status] += o.total",
        "return totals, o",
    ],
    "the totals run on by groups": [
        "for o in «Order.objects.all()»:",
        "    totals[o.status] += o.total",
        "    steps[o.status] = totals[o.status]",
    ],
    "the newest ninety by groups": [
        "for o in «Order.objects.order_by('-id')[:90]»:",
        "    totals[o.status] += 1",
    ],
    "a counter of what a method gives": ["return Counter(o.kind() for o in «Order.objects.all()»)"],
    "the largest row by a method": ["return max(«Order.objects.all()», key=lambda o: o.cost())"],
    "the largest row by a column that may be empty": [
        "return max(«Order.objects.all()», key=lambda o: o.sent_at)"
    ],
    "a mean of what a property gives": ["return mean(o.margin for o in «Order.objects.all()»)"],
    "a slice is filtered": [
        "return sum(o.total for o in «Order.objects.all()[:90]» if o.total > 3)",
    ],
}


def view(lines: list[str]) -> str:
    return "def run(request):\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize("lines", cases(CASES))
def test_silent(lines, rows_bench):
    rows_bench.detector = "python-aggregate"
    assert rows_bench.findings(view(lines)) == []


def test_the_slow_form_fires(rows_bench):
    rows_bench.detector = "python-aggregate"
    assert rows_bench.findings(view(["return sum(o.total for o in «Order.objects.all()»)"]))
