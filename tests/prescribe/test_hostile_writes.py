"""Loops that write in ways that nobody expects: they stay as they are, or end with equal rows."""

import pytest

from tests.prescribe.writes import MODELS, advice, alchemy, changed, fixed
from unslow.lab.prescribe import (
    django_bulk_create,
    django_bulk_update,
    django_update,
    sqlalchemy_flush_once,
    sqlalchemy_insert,
    sqlalchemy_update,
)
from unslow.model import Field, Patch, Site

HEAD = "from contextlib import suppress\n\nfrom shop.models import Order\n\n\n"
ALCHEMY = "from sqlalchemy import insert, select\n\nfrom shop.models import Order\n\n\n"
CREATE = "«Order.objects.create(number=n)»"
INSERT = "«db.execute(insert(Order).values(number=n))»"


def body(text: str, head: str = "def f(db, rows, data):") -> str:
    return head + "\n" + "".join(f"    {line}\n" for line in text.split("\n"))


def loop(text: str, over: str = "n in rows") -> str:
    return body(f"for {over}:\n" + "\n".join(f"    {line}" for line in text.split("\n")))


def patches(bench, fixer, operation, **options):
    return [p for p in advice(bench, fixer, operation, **options) if isinstance(p, Patch)]


CREATED = {
    "errors are caught together": loop(
        "try:\n    «Order.objects.create(number=n)»\nexcept* ValueError:\n    pass"
    ),
    "errors are caught": loop(f"try:\n    {CREATE}\nexcept ValueError:\n    continue"),
    "errors are suppressed": loop(f"with suppress(ValueError):\n    {CREATE}"),
    "each in a tenant": loop(f"with tenant(n):\n    {CREATE}"),
    "each in a savepoint": loop(f"with transaction.atomic():\n    {CREATE}"),
    "a loop that ends otherwise": body(f"for n in rows:\n    {CREATE}\nelse:\n    db.log()"),
    "async loop": body(f"async for n in rows:\n    {CREATE}", "async def f(db, rows):"),
    "return": loop(f"{CREATE}\nif n:\n    return n"),
    "yield": loop(f"{CREATE}\nyield n"),
    "yield from": loop(f"{CREATE}\nyield from n"),
    "raise": loop(f"{CREATE}\nif n:\n    raise ValueError"),
    "walrus": loop("if (o := «Order.objects.create(number=n)»):\n    db.log(o)"),
    "two names": loop("a = b = «Order.objects.create(number=n)»"),
    "unpacked": loop("(a, b) = «Order.objects.create(number=n)»"),
    "in a condition": loop("«Order.objects.create(number=n)» if n else None"),
    "or": loop("n or «Order.objects.create(number=n)»"),
    "depends on the rows before": loop("«Order.objects.create(number=Order.objects.count() + 1)»"),
    "looks at the rows before": loop(
        f"if Order.objects.filter(number=n).exists():\n    continue\n{CREATE}"
    ),
    "other database": loop("«Order.objects.using('b').create(number=n)»"),
    "another manager": loop("«Order.live.create(number=n)»"),
    "get or create": loop("«Order.objects.get_or_create(number=n)»"),
    "key": loop("o = «Order.objects.create(number=n)»\ndata.append(o.pk)"),
    "handed on": loop("o = «Order.objects.create(number=n)»\ndb.log(o)"),
    "closure": loop("o = «Order.objects.create(number=n)»\ndata.append(lambda: o.pk)"),
    "changed afterwards": loop("o = Order(number=n)\n«o.save()»\no.number = 1"),
    "saved twice": loop("o = Order(number=n)\n«o.save()»\no.number = 1\no.save()"),
    "one row in each inner round": loop("o = Order(number=n)\nfor m in n:\n    «o.save()»"),
    "perhaps the row before": loop("if n:\n    o = Order(number=n)\n«o.save()»"),
    "saved elsewhere": loop("o = Order(number=n)\n«o.save(using='b')»"),
    "key given": loop("o = Order(pk=n)\n«o.save()»"),
    "unknown values": loop("o = Order(**n)\n«o.save()»"),
    "one dictionary for all": loop("data['n'] = n\n«Order.objects.create(number=data)»"),
    "one list for all": loop("data.append(n)\n«Order.objects.create(number=data)»"),
    "one line": "def f(rows, data):\n    for n in rows: o = «Order.objects.create(number=n)»; data.append(o)\n",  # noqa: E501
    "while": body(f"while (n := rows.pop()):\n    {CREATE}"),
    "the manager is bound": loop("«Order.objects.create(number=n)»", "Order in rows"),
    "the manager is an argument": body(f"for n in rows:\n    {CREATE}", "def f(Order, rows):"),
    "generator expression": body("return sum(1 for n in rows if «Order.objects.create(number=n)»)"),
    "lambda": body("return map(lambda n: «Order.objects.create(number=n)», rows)"),
    "inner function": loop("def g():\n    «Order.objects.create(number=n)»\ng()"),
}


@pytest.mark.parametrize("case", CREATED)
def test_rows_are_still_created_one_by_one(bench, case):
    bench.write(HEAD + CREATED[case])
    found = patches(bench, django_bulk_create, "insert")
    assert [bench.apply(one) for one in found] == []


COLLECTED = {
    "one line": (
        "def f(rows):\n    for n in rows: «Order.objects.create(number=n)»\n",
        "    orders = []\n    for n in rows: orders.append(Order(number=n))\n"
        "    Order.objects.bulk_create(orders)\n",
    ),
    "continue": (
        loop(f"if not n:\n    continue\n{CREATE}"),
        "        orders.append(Order(number=n))\n    Order.objects.bulk_create(orders)\n",
    ),
    "break": (
        loop(f"{CREATE}\nif n:\n    break"),
        "            break\n    Order.objects.bulk_create(orders)\n",
    ),
    "the name is taken": (
        body(f"orders = 1\nfor n in rows:\n    {CREATE}\nreturn orders"),
        "    Order.objects.bulk_create(created)\n    return orders\n",
    ),
    "row of each inner round": (
        loop("for m in n:\n    o = Order(number=m)\n    «o.save()»"),
        "            orders.append(o)\n    Order.objects.bulk_create(orders)\n",
    ),
    "fresh values": (
        loop("data = {}\ndata['n'] = n\n«Order.objects.create(number=data)»"),
        "        orders.append(Order(number=data))\n    Order.objects.bulk_create(orders)\n",
    ),
    "one transaction": (
        body(f"with transaction.atomic():\n    for n in rows:\n        {CREATE}"),
        "            orders.append(Order(number=n))\n        Order.objects.bulk_create(orders)\n",
    ),
    "errors of all": (
        body(f"try:\n    for n in rows:\n        {CREATE}\nfinally:\n    db.log()"),
        "        Order.objects.bulk_create(orders)\n    finally:\n",
    ),
}


@pytest.mark.parametrize("case", COLLECTED)
def test_rows_are_created_together(bench, case):
    code, after = COLLECTED[case]
    bench.write(HEAD + code)
    assert after in fixed(bench, django_bulk_create, "insert")


SAVED = {
    "other database": body(
        "for o in Order.objects.using('b'):\n    o.number = data[o.id]\n    «o.save()»"
    ),
    "other database, by name": body(
        "found = Order.objects.using('b').all()\nfor o in found:\n"
        "    o.number = data[o.id]\n    «o.save()»"
    ),
    "suppressed": body(
        "for o in Order.objects.all():\n    o.number = data[o.id]\n"
        "    with suppress(ValueError):\n        «o.save()»"
    ),
    "changed after it is saved": body(
        "for o in Order.objects.all():\n    o.number = data[o.id]\n    «o.save()»\n    o.number = 1"
    ),
    "another name": body(
        "for o in Order.objects.all():\n    p = o\n    p.total = 1\n    o.number = data[o.id]\n"
        "    «o.save()»"
    ),
    "set by name": body(
        "for o in Order.objects.all():\n    setattr(o, 'total', 1)\n    o.number = data[o.id]\n"
        "    «o.save()»"
    ),
    "unpacked": body(
        "for o in Order.objects.all():\n    o.number, o.total = data[o.id]\n    «o.save()»"
    ),
    "rebound": body(
        "for o in Order.objects.all():\n    o = data[o.id]\n    o.number = 1\n    «o.save()»"
    ),
}


@pytest.mark.parametrize("fixer", [django_bulk_update, django_update])
@pytest.mark.parametrize("case", SAVED)
def test_rows_are_still_saved_one_by_one(bench, case, fixer):
    bench.write(HEAD + SAVED[case])
    found = patches(bench, fixer, "update")
    assert [bench.apply(one) for one in found] == []


ONE = "for o in Order.objects.all():\n    o.status = 'paid'\n    «o.save()»"
POSITIONS = "for o in Order.objects.order_by('quantity'):\n    o.quantity += 1\n    «o.save()»"


def test_no_update_where_the_last_row_is_used_after_the_loop(bench):
    bench.write(HEAD + body(f"{ONE}\nreturn o"))
    assert patches(bench, django_update, "update") == []


@pytest.mark.parametrize("fixer", [django_bulk_update, django_update])
def test_unique_values_that_make_room_for_each_other_are_moved_in_turn(bench, fixer):
    bench.write(HEAD + body(POSITIONS))
    fields = tuple(
        Field("quantity", "quantity", "IntegerField", unique=True) if f.name == "quantity" else f
        for f in MODELS[0].fields
    )
    assert patches(bench, fixer, "update", models=changed(fields=fields)) == []


INSERTED = {
    "a session for each": loop(INSERT, "n, db in rows"),
    "a session opened for each": loop(f"with Session(n) as db:\n    {INSERT}"),
    "a session made for each": loop(f"db = Session(n)\n{INSERT}"),
    "in a savepoint": loop(f"with db.begin_nested():\n    {INSERT}"),
    "errors are caught": loop(f"try:\n    {INSERT}\nexcept ValueError:\n    pass"),
    "one dictionary for all": loop(
        "data['n'] = n\n«db.execute(insert(Order).values(number=data))»"
    ),
    "table of each": loop("t = tables[n]\n«db.execute(insert(t).values(number=n))»"),
    "returned": loop("«db.execute(insert(Order).values(number=n))».scalar()"),
}


@pytest.mark.parametrize("case", INSERTED)
def test_rows_are_still_inserted_one_by_one(bench, case):
    bench.write(ALCHEMY + INSERTED[case])
    found = patches(bench, sqlalchemy_insert, "insert", models=alchemy())
    assert [bench.apply(one) for one in found] == []


FLUSHED = {
    "a session for each": loop("db.add(Order(number=n))\n«db.flush()»", "n, db in rows"),
    "a session opened for each": loop(
        "with Session(n) as db:\n    db.add(Order(number=n))\n    «db.flush()»"
    ),
    "several rows": loop("o = Order(number=n)\ndb.add_all([o])\n«db.flush()»\ndata.append(o.id)"),
    "by a relation": loop(
        "o = Order(number=n)\nn.orders.append(o)\n«db.flush()»\ndata.append(o.id)"
    ),
    "by keyword": loop("o = Order(number=n)\ndb.add(instance=o)\n«db.flush()»\ndata.append(o.id)"),
    "savepoint": loop("with db.begin_nested():\n    db.add(Order(number=n))\n    «db.flush()»"),
    "errors are caught": loop(
        "try:\n    db.add(Order(number=n))\n    «db.flush()»\nexcept ValueError:\n    pass"
    ),
}


@pytest.mark.parametrize("case", FLUSHED)
def test_a_session_is_still_flushed_in_each_round(bench, case):
    bench.write(ALCHEMY + FLUSHED[case])
    found = patches(bench, sqlalchemy_flush_once, "insert", models=alchemy())
    assert [bench.apply(one) for one in found] == []


OPEN = "for o in db.scalars(select(Order)):\n    "
CHANGED = {
    "the last row is used": f"{OPEN}o.status = 'a'\nreturn o",
    "the rows are named and used": (
        "found = db.scalars(select(Order)).all()\nfor o in found:\n    o.status = 'a'\nreturn found"
    ),
    "limited": "for o in db.scalars(select(Order).limit(3)):\n    o.status = 'a'",
    "joined": "for o in db.scalars(select(Order).join(Item)):\n    o.status = 'a'",
    "columns": "for o in db.scalars(select(Order).with_only_columns(Order.id)):\n    o.status = 1",
    "united": "for o in db.scalars(union(select(Order), select(Order))):\n    o.status = 1",
    "a name that ends alike": "for o in db.scalars(select(PreOrder)):\n    o.status = 'a'",
    "another name": f"{OPEN}p = o\n    p.status = 'a'",
    "condition": f"{OPEN}if o.total:\n        o.status = 'a'",
    "savepoint": f"{OPEN}with db.begin_nested():\n        o.status = 'a'",
    "break": f"{OPEN}o.status = 'a'\n    break",
    "two targets": f"{OPEN}o.status = o.number = 'a'",
    "value of a call": f"{OPEN}o.status = data.pop()",
    "value of an attribute changed before": f"{OPEN}o.status = o.number\n    o.number = o.status",
    "item": f"{OPEN}o.status = data[o.id]",
    "otherwise": f"{OPEN}o.status = 'a'\nelse:\n    db.log()",
}


def loop_site(bench) -> Site:
    text = (bench.root / bench.sites[0].path).read_text().splitlines()
    line = next(n for n, one in enumerate(text, 1) if one.strip().startswith("for "))
    return Site(bench.sites[0].path, line, line, 4, 5, "f")


@pytest.mark.parametrize("case", CHANGED)
def test_rows_of_a_session_are_still_changed_one_by_one(bench, case):
    text = CHANGED[case].split("\nreturn")
    tail = f"\nreturn{text[1]}" if len(text) > 1 else ""
    bench.write(ALCHEMY + body(f"{text[0]}\n«db.commit()»{tail}"))
    site = loop_site(bench)
    found = patches(bench, sqlalchemy_update, "update", models=alchemy(), loop=site)
    assert [bench.apply(one) for one in found] == []
