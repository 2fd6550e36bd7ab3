"""Code that nobody expects: what a fixer writes still runs there, or nothing changes."""

import ast

import pytest

from unslow.lab.prescribe import django_prefetch_related, django_select_related, prescribe
from unslow.model import Patch

HEAD = "from django.shortcuts import get_object_or_404\n\nfrom shop.models import Item, Order\n\n\n"
JOIN = '.select_related("customer")'

JOINED = {
    "async comprehension": (
        "async def f():\n    return [o.customer async for o in «Order.objects.all()»]\n",
        f"«Order.objects.all(){JOIN}»",
    ),
    "walrus": (
        "def f():\n    if (orders := «Order.objects.all()»):\n        return orders\n",
        f"Order.objects.all(){JOIN}",
    ),
    "decorated": (
        "@cached\n@other(1)\ndef f():\n    return «Order.objects.all()»\n",
        f"return Order.objects.all(){JOIN}\n",
    ),
    "two targets": ("def f():\n    a = b = «Order.objects.all()»\n    return a, b\n", JOIN),
    "global": (
        "def f():\n    global orders\n    orders = «Order.objects.all()»\n",
        f"    global orders\n    orders = Order.objects.all(){JOIN}\n",
    ),
    "generator": (
        "def f(log):\n    yield from (log(o) or o for o in «Order.objects.all()»)\n",
        f"for o in Order.objects.all(){JOIN})",
    ),
    "one of two": (
        "def f(a):\n    return «Order.objects.all()» if a else Order.objects.none()\n",
        f"Order.objects.all(){JOIN} if a else Order.objects.none()",
    ),
    "other database": ("def f():\n    return «Order.objects.using('b').all()»\n", f".all(){JOIN}"),
    "locked": (
        "def f():\n    return «Order.objects.select_for_update(of=('self',))»\n",
        f"of=('self',)){JOIN}",
    ),
    "sliced": ("def f():\n    return «Order.objects.all()[3:9]»\n", f".all(){JOIN}[3:9]"),
    "iterator": (
        "def f():\n    return «Order.objects.all().iterator(chunk_size=9)»\n",
        f".all(){JOIN}.iterator(chunk_size=9)",
    ),
    "first": ("def f():\n    return «Order.objects.order_by('id').first()»\n", f"{JOIN}.first()"),
    "awaited": (
        "async def f():\n    return await «Order.objects.order_by('id').afirst()»\n",
        f"{JOIN}.afirst()",
    ),
    "keyword": ("def f():\n    return g(rows=«Order.objects.all()», n=1)\n", f".all(){JOIN}, n=1)"),
    "starred": ("def f():\n    return [*«Order.objects.all()»]\n", f"[*Order.objects.all(){JOIN}]"),
    "lambda": ("f = lambda: «Order.objects.all()»\n", f"f = lambda: Order.objects.all(){JOIN}\n"),
    "default": (
        "def f(a=«Order.objects.all()»):\n    return a\n",
        f"a=Order.objects.all(){JOIN}):",
    ),
    "dictionary": ("def f():\n    return {'a': «Order.objects.all()»}\n", f".all(){JOIN}}}"),
    "subscript": (
        "def f():\n    x[0] = «Order.objects.all()»\n",
        f"x[0] = Order.objects.all(){JOIN}",
    ),
    "with": (
        "def f():\n    with g(«Order.objects.all()») as x:\n        return x\n",
        f"with g(Order.objects.all(){JOIN}) as x:",
    ),
    "try": (
        "def f():\n    try:\n        return «Order.objects.all()»\n    finally:\n        pass\n",
        f"        return Order.objects.all(){JOIN}\n",
    ),
    "match": (
        "def f(a):\n    match a:\n        case 1:\n            return «Order.objects.all()»\n",
        f"            return Order.objects.all(){JOIN}\n",
    ),
    "semicolon": ("def f():\n    a = «Order.objects.all()»; return a\n", f"{JOIN}; return a\n"),
    "one line": (
        "def f(): return «Order.objects.all()»\n",
        f"def f(): return Order.objects.all(){JOIN}\n",
    ),
    "type hint": (
        "def f():\n    x: list[Order] = «Order.objects.all()»\n    return x\n",
        f"x: list[Order] = Order.objects.all(){JOIN}\n",
    ),
    "tabs": ("def f():\n\treturn «Order.objects.all()»\n", f"\treturn Order.objects.all(){JOIN}\n"),
    "other text": (
        "def f():\n    ü = 'ÄÖÜ'; return «Order.objects.all()»\n",
        f"ü = 'ÄÖÜ'; return Order.objects.all(){JOIN}\n",
    ),
    "own brackets": ("def f():\n    return («Order.objects.all()»)\n", JOIN),
    "comment": (
        "def f():\n    return (  # all of them\n        «Order.objects.all()»\n    )\n",
        f"return (# all of them Order.objects.all(){JOIN})",
    ),
    "of computed names": (
        "def f(names):\n    return «Order.objects.select_related(*names)»\n",
        'select_related(*names, "customer")',
    ),
    "an element": ("def f(rows):\n    return «rows[0]»\n", f"rows{JOIN}[0]"),
    "manager of its own": ("def f():\n    return «Order.live.all()»\n", f"Order.live.all(){JOIN}"),
    "shortcut": (
        "def f(pk):\n    return «get_object_or_404(Order, pk=pk)»\n",
        f"Order.objects{JOIN}",
    ),
}

UNCHANGED = {
    "union": "def f(a):\n    return «Order.objects.all().union(a)»\n",
    "intersection": "def f(a):\n    return «Order.objects.all().intersection(a)»\n",
    "values": "def f():\n    return «Order.objects.values('id')»\n",
    "values list": "def f():\n    return «Order.objects.values_list('id', flat=True)»\n",
    "raw": "def f():\n    return «Order.objects.raw('select 1')»\n",
    "dates": "def f():\n    return «Order.objects.dates('at', 'day')»\n",
    "text": "def f():\n    return «'Order.objects.all()'»\n",
    "f-string": "def f():\n    return f'{«load()»}'\n",
    "another function": "def f():\n    return «load(Order)»\n",
    "number": "x = «1»\n",
    "argument": "def f(orders):\n    return [o.customer for o in «orders»]\n",
    "attribute": "def f(self):\n    return «self.rows»\n",
    "call of a call": "def f(g):\n    return «g()()»\n",
    "await": "async def f(g):\n    return await «g()»\n",
    "lambda": "f = «lambda: 1»\n",
    "list": "def f(a, b):\n    return «[a, b]»\n",
    "joined already": f"def f():\n    return «Order.objects.all(){JOIN}»\n",
    "all joined": "def f():\n    return «Order.objects.select_related()»\n",
    "another model": "def f():\n    return «Item.objects.all()»\n",
}


@pytest.mark.parametrize("case", JOINED)
def test_the_join_is_written_where_the_queryset_is(bench, case):
    code, after = JOINED[case]
    bench.write(HEAD + code)
    text = bench.fixed(django_select_related, bench.load("customer"))
    flat = " ".join(text.split()).replace("( ", "(").replace(" )", ")")
    assert " ".join(after.replace("«", "").replace("»", "").split()) in flat
    ast.parse(text)


@pytest.mark.parametrize("case", UNCHANGED)
def test_nothing_is_joined(bench, case):
    bench.write(HEAD + UNCHANGED[case])
    found = bench.advice(django_select_related, bench.load("customer"))
    assert [one for one in found if isinstance(one, Patch)] == []


@pytest.mark.parametrize("case", JOINED)
def test_a_prefetch_leaves_a_program(bench, case):
    code, _ = JOINED[case]
    bench.write(HEAD + code)
    for patch in bench.patches(django_prefetch_related, bench.load("items")):
        (text,) = bench.apply(patch).values()
        compile(text, "views.py", "exec")


@pytest.mark.parametrize("case", JOINED)
def test_both_together_are_the_same_in_any_order(bench, case):
    code, _ = JOINED[case]
    bench.write(HEAD + code)
    one = bench.patches(django_select_related, bench.load("customer"))
    other = bench.patches(django_prefetch_related, bench.load("items"))[:1]
    assert bench.apply(*one, *other) == bench.apply(*other, *one, *one)


@pytest.mark.parametrize("case", UNCHANGED)
def test_no_fixer_fails(bench, case):
    bench.write(HEAD + UNCHANGED[case])
    for name in ("repeated-query", "duplicate-query", "unused-column", "python-filter"):
        loads = [bench.load("customer"), bench.load("items")]
        assert isinstance(prescribe(bench.finding(*loads, id=name), bench.source), list)
