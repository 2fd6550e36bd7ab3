import msgspec
import pytest

from unslow.lab.prescribe import sqlalchemy_in_query as fixer
from unslow.model import Link, Origin

HEAD = "from sqlalchemy import exists, func, select\n\nfrom shop.models import Item, Order\n\n\n"
ITEMS = "items = await db.scalars(select(Item))"


@pytest.fixture
def shop(alchemy):
    def patches(kind="get", relation="", model="shop.models.Order"):
        load = alchemy.load("customer", kind=kind, model=model, uses=tuple(alchemy.sites))
        inner = msgspec.structs.replace(load.load, relation=relation, parent="", origin=None)
        return alchemy.advice(fixer, msgspec.structs.replace(load, load=inner, relation_path=()))

    def called(kind="get"):
        """The second site reads, the first calls the function that does."""
        call, read = alchemy.sites
        load = alchemy.load("customer", kind=kind, model="shop.models.Order", uses=(read,))
        chain = Origin("read", "shop.models.Order", (Link("get", (read, call)),))
        inner = msgspec.structs.replace(
            load.load, relation="", parent="", origin=None, queryset=chain
        )
        return alchemy.advice(fixer, msgspec.structs.replace(load, load=inner, relation_path=()))

    alchemy.given = patches
    alchemy.called = called
    return alchemy


def handler(body, items=ITEMS, head="for item in items:"):
    lines = [items, head, *(f"    {line}" for line in body.split("\n"))]
    inner = "".join(f"    {line}\n" for line in lines if line.strip())
    return f"{HEAD}async def f(db, request):\n{inner}"


# --- nothing changes -------------------------------------------------------------------------


def test_silent_without_loads(alchemy):
    alchemy.write(handler("x = «await db.get(Order, item.order_id)»"))
    assert alchemy.advice(fixer) == []


@pytest.mark.parametrize(("kind", "relation"), [("forward", "order"), ("prefetch", "")])
def test_silent_when_the_load_is_a_relationship(shop, kind, relation):
    shop.write(handler("x = «await db.get(Order, item.order_id)»"))
    assert shop.given(kind, relation) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("x = «await db.get(Order, item.order_id, options=[])»", "more than a key"),
        ("x = «await db.get(Order, key(item))»", "more than a key"),
        ("x = «await db.get(Order, 1)»", "more than a key"),
        ("x = «await db.get_one(Order, item.quantity)»", "more than a key"),
        ("x = «await db.scalar(select(Order).where(Order.id > item.order_id))»", "more than"),
        ("x = «await db.scalar(select(Order).where(Order.name == item.name))»", "more than"),
        ("x = «await db.scalar(select(Order).where(Order.id == item.order_id).limit(1))»", "more"),
        (
            "x = «await db.scalar(select(Order).where(Order.id == item.id, Order.a == item.b))»",
            "more than",
        ),
        ("x = «await db.scalar(stmt)»", "more than"),
        ("x = «await db.scalar(text(SQL), [item.id])»", "more than"),
        ("x = «await run(item.order_id)»", "not plain"),
        ("x = «await db.get(Order, item.order_id)»; x.total = 3", "writes"),
        ("x = «await db.get(Order, item.order_id)»; await db.commit()", "writes"),
        ("x = «await db.get(Order, item.order_id)»; db.add(x)", "writes"),
        ("x = «await item.session.get(Order, item.order_id)»", "writes"),
    ],
)
def test_recommends_where_the_result_might_differ(shop, body, reason):
    shop.write(handler(body))
    (advice,) = shop.given()
    assert reason in advice.reason
    assert advice.summary == "Read the rows of Order together: one query with .in_(keys)"


@pytest.mark.parametrize(
    "items",
    [
        "items = request.items",
        "items = await db.stream_scalars(select(Item))",
        "items = await db.scalars(select(Item)); first = items.first()",
        "items = (item for item in rows)",
    ],
)
def test_recommends_where_the_rows_cannot_be_read_twice(shop, items):
    shop.write(handler("x = «await db.get(Order, item.order_id)»", items))
    (advice,) = shop.given()
    assert "gone" in advice.reason


def helper(body, args="item, db", params="item, db", decorator=""):
    return f"""{HEAD}async def f(db, request):
    items = await db.scalars(select(Item))
    return [«await total({args})» for item in items]


{decorator}async def total({params}):
    {body}
"""


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (helper("return «await db.get(Order, item.order_id)»", "request, db"), "another"),
        (helper("return «await db.get(Order, item.order_id)»", "item, db()"), "another"),
        (helper("return «await db.get(Order, item.order_id)»", "*item"), "another"),
        (helper("return «await other.get(Order, item.order_id)»"), "another"),
        (helper("item = 3; return «await db.get(Order, item.order_id)»"), "another"),
        (helper("x = «await db.get(Order, item.order_id)»; x.save()"), "writes"),
        (helper("return «await db.scalar(select(Order.a).where(Order.id == item.id))»"), "another"),
        (
            helper(
                "return «await db.scalar(select(func.count()).where(Item.order_id == item.id))»",
                decorator="@router.get('/')\n",
            ),
            "another",
        ),
    ],
)
def test_recommends_where_the_helper_may_be_called_otherwise(shop, source, reason):
    shop.write(source)
    (advice,) = shop.called()
    assert reason in advice.reason


# --- changes ---------------------------------------------------------------------------------

BY_ID = """\
    statement = select(Order.id, Order).where(Order.id.in_(order_ids))
    orders = dict((await db.execute(statement)).all())
"""
CASES = {
    "get": (
        "x = «await db.get(Order, item.order_id)»",
        BY_ID,
        "x = orders.get(item.order_id)",
    ),
    "get_one": (
        "x = «await db.get_one(Order, item.order_id)»",
        BY_ID,
        "x = orders[item.order_id]",
    ),
    "scalar": (
        "x = «await db.scalar(select(Order).where(Order.id == item.order_id))»",
        BY_ID,
        "x = orders.get(item.order_id)",
    ),
    "scalar_one": (
        "x = («await db.execute(select(Order).where(Order.id == item.order_id))»).scalar_one()",
        BY_ID,
        "x = orders[item.order_id]",
    ),
    "two steps": (
        "x = «await db.execute(select(Order).where(Order.id == item.order_id))»\n"
        "y = x.scalar_one()",
        BY_ID,
        "x = orders[item.order_id]\n        y = x",
    ),
    "columns": (
        "r = «await db.execute(select(Order.total, Order.status)"
        ".where(Order.id == item.order_id))»\na, b = r.one()",
        """\
    statement = select(Order.id, Order.total, Order.status).where(
        Order.id.in_(order_ids)
    )
    orders = {row[0]: row[1:] for row in await db.execute(statement)}
""",
        "r = orders[item.order_id]\n        a, b = r",
    ),
    "count": (
        "n = «await db.scalar(select(func.count()).select_from(Item)"
        ".where(Item.order_id == item.order_id))»",
        """\
    statement = (
        select(Item.order_id, func.count())
        .select_from(Item)
        .where(Item.order_id.in_(order_ids))
        .group_by(Item.order_id)
    )
    items_count = dict((await db.execute(statement)).all())
""",
        "n = items_count.get(item.order_id, 0)",
    ),
    "exists": (
        "n = «await db.scalar(select(exists().where(Item.order_id == item.order_id)))»",
        """\
    statement = select(Item.order_id).where(Item.order_id.in_(order_ids))
    with_items = set(await db.scalars(statement))
""",
        "n = item.order_id in with_items",
    ),
    "sum": (
        "n = «await db.scalar(select(func.sum(Item.q)).where(Item.order_id == item.order_id))»",
        """\
    statement = (
        select(Item.order_id, func.sum(Item.q))
        .where(Item.order_id.in_(order_ids))
        .group_by(Item.order_id)
    )
    items_sum = dict((await db.execute(statement)).all())
""",
        "n = items_sum.get(item.order_id)",
    ),
    "sum that is never NULL": (
        "n = «await db.scalar(select(func.coalesce(func.sum(Item.q), 0))"
        ".where(Item.order_id == item.order_id))»",
        """\
    statement = (
        select(Item.order_id, func.coalesce(func.sum(Item.q), 0))
        .where(Item.order_id.in_(order_ids))
        .group_by(Item.order_id)
    )
    items_sum = dict((await db.execute(statement)).all())
""",
        "n = items_sum.get(item.order_id, 0)",
    ),
    "rows": (
        "n = «await db.scalars(select(Item).where(Item.order_id == item.order_id, Item.q > 1)"
        ".order_by(Item.id))»\nl = [i for i in n]",
        """\
    statement = (
        select(Item.order_id, Item)
        .where(Item.order_id.in_(order_ids), Item.q > 1)
        .order_by(Item.id)
    )
    items_by_order = defaultdict(list)
    for key, value in await db.execute(statement):
        items_by_order[key].append(value)
""",
        "n = items_by_order[item.order_id]\n        l = [i for i in n]",
    ),
    "a column of rows": (
        "n = «await db.scalars(select(Item.q).where(Item.order_id == item.order_id))»\n"
        "l.append(n.all())",
        """\
    statement = select(Item.order_id, Item.q).where(Item.order_id.in_(order_ids))
    items_by_order = defaultdict(list)
    for key, value in await db.execute(statement):
        items_by_order[key].append(value)
""",
        "n = items_by_order[item.order_id]\n        l.append(n)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_query_before_the_loop(shop, case):
    body, query, value = CASES[case]
    shop.write(handler(body))
    (patch,) = shop.given("count" if case == "count" else "get")
    after = shop.apply(patch)["shop/views.py"]
    head, _, tail = after.partition("async def")
    assert tail == (
        f" f(db, request):\n    items = (await db.scalars(select(Item))).all()\n"
        f"    order_ids = [item.order_id for item in items]\n{query}"
        f"    for item in items:\n        {value}\n"
    )
    assert ("defaultdict" in head) == ("defaultdict" in tail)


def test_twice_is_the_same_as_once(shop):
    shop.write(handler("x = «await db.get(Order, item.order_id)»"))
    (patch,) = shop.given()
    text = shop.apply(patch)["shop/views.py"]
    shop.sites.clear()
    shop.write(text.replace("orders.get(item.order_id)", "«orders.get(item.order_id)»"))
    assert not hasattr(shop.given()[0], "edits")


def test_a_synchronous_session_in_a_comprehension(shop):
    found = "session.scalars(select(Item))"
    shop.write(f"""{HEAD}def f(session):
    return [«session.get(Order, i.order_id)» for i in {found}]
""")
    (patch,) = shop.given()
    assert shop.apply(patch)["shop/views.py"].endswith("""
    rows = session.scalars(select(Item)).all()
    order_ids = [i.order_id for i in rows]
    statement = select(Order.id, Order).where(Order.id.in_(order_ids))
    orders = dict(session.execute(statement).all())
    return [orders.get(i.order_id) for i in rows]
""")


def test_tuples_of_a_result_are_keys_too(shop):
    over = "for order_id, sold in await db.execute(stmt):"
    shop.write(handler("x = «await db.get(Order, order_id)»", "stmt = best()", over))
    (patch,) = shop.given()
    assert """
    rows = (await db.execute(stmt)).all()
    order_ids = [order_id for order_id, sold in rows]
""" in shop.apply(patch)["shop/views.py"]


CALLER = """
    items = (await db.scalars(select(Item))).all()
    order_ids = [item.order_id for item in items]
"""


@pytest.mark.parametrize("method", ["get", "get_one"])
def test_rows_are_held_for_a_helper_that_gets_them_by_key(shop, method):
    shop.write(helper(f"return «await db.{method}(Order, item.order_id)»"))
    (patch,) = shop.called()
    text = shop.apply(patch)["shop/views.py"]
    assert (
        f"""{CALLER}\
    statement = select(Order).where(Order.id.in_(order_ids))
    # The session finds these rows by their key as long as they are held.
    orders = (await db.scalars(statement)).all()
    return [await total(item, db) for item in items]
"""
        in text
    )
    assert text.endswith(f"    return await db.{method}(Order, item.order_id)\n")


def test_a_helper_that_selects_by_key_gets_instead(shop):
    shop.write(helper("return «await db.scalar(select(Order).where(Order.id == item.order_id))»"))
    (patch,) = shop.called()
    text = shop.apply(patch)["shop/views.py"]
    assert text.endswith("    return await db.get(Order, item.order_id)\n")


def test_counts_are_passed_on_to_a_helper(shop):
    statement = "select(func.count(Item.id)).where(Item.order_id == item.order_id)"
    shop.write(helper(f"return «await db.scalar({statement})»"))
    (patch,) = shop.called("count")
    text = shop.apply(patch)["shop/views.py"]
    assert "    return [await total(item, db, items_count=items_count) for item in items]\n" in text
    assert text.endswith("""async def total(item, db, items_count=None):
    return (
        items_count.get(item.order_id, 0)
        if items_count is not None
        else await db.scalar(
            select(func.count(Item.id)).where(Item.order_id == item.order_id)
        )
    )
""")


def test_a_statement_in_a_variable_of_the_loop_goes_with_its_read(shop):
    statement = "select(func.count(Item.id)).where(Item.order_id == item.order_id)"
    shop.write(handler(f"query = {statement}\nn = «await db.scalar(query)»"))
    (patch,) = shop.given("count")
    text = shop.apply(patch)["shop/views.py"]
    assert "query" not in text
    assert text.endswith("    for item in items:\n        n = items_count.get(item.order_id, 0)\n")
