import msgspec
import pytest

from unslow.lab.prescribe import sqlalchemy_eager_load as fixer

HEAD = "from sqlalchemy import select\n\nfrom shop.models import Order\n\n\n"


def handler(expression):
    return f"{HEAD}async def orders(session):\n    x = {expression}\n"


def strategy(bench, relation, name):
    bench.models = [
        msgspec.structs.replace(
            model,
            relations=tuple(
                msgspec.structs.replace(r, strategy=name) if r.name == relation else r
                for r in model.relations
            ),
        )
        for model in bench.models
    ]


# --- nothing changes -------------------------------------------------------------------------


def test_silent_without_loads(alchemy):
    alchemy.write(handler("«select(Order)»"))
    assert alchemy.advice(fixer) == []


def test_silent_when_the_load_is_djangos(alchemy):
    alchemy.write(handler("«select(Order)»"))
    alchemy.orm = "django"
    assert alchemy.advice(fixer, alchemy.load("customer")) == []


def test_silent_when_the_query_is_an_eager_load(alchemy):
    alchemy.write(handler("«select(Order)»"))
    assert alchemy.advice(fixer, alchemy.load("items", kind="prefetch")) == []


@pytest.mark.parametrize(
    "option",
    [
        "joinedload(Order.customer)",
        "orm.selectinload(Order.customer)",
        "selectinload(Order.items), joinedload(Order.customer).joinedload(Customer.company)",
        "contains_eager(Order.customer)",
    ],
)
def test_silent_when_the_load_is_eager_there(alchemy, option):
    alchemy.write(handler(f"«select(Order).options({option}).limit(5)»"))
    assert alchemy.advice(fixer, alchemy.load("customer")) == []


def test_silent_when_the_option_follows_the_cause(alchemy):
    alchemy.write(handler("«select(Order)».options(joinedload(Order.customer))"))
    assert alchemy.advice(fixer, alchemy.load("customer")) == []


@pytest.mark.parametrize(
    "expression", ["session.execute(text(SQL))", "load(session)", "cache.get(1)"]
)
def test_recommends_where_no_statement_shows(alchemy, expression):
    alchemy.write(handler(f"«{expression}»"))
    advice = alchemy.recommended(fixer, alchemy.load("items"))
    assert advice.summary == (
        "Load Order.items with the parents: .options(selectinload(Order.items))"
    )


def test_recommends_where_the_statement_selects_another_class(alchemy):
    alchemy.write(handler("«select(Customer).join(Customer.orders)»"))
    assert "not in your source" in alchemy.recommended(fixer, alchemy.load("items")).reason


def test_recommends_where_statements_are_combined(alchemy):
    alchemy.write(handler("«select(Order)».union(other)"))
    assert "combined" in alchemy.recommended(fixer, alchemy.load("items")).reason


@pytest.mark.parametrize("name", ["dynamic", "write_only"])
def test_recommends_where_the_relationship_takes_no_options(alchemy, name):
    strategy(alchemy, "items", name)
    alchemy.write(handler("«select(Order)»"))
    assert "dynamic" in alchemy.recommended(fixer, alchemy.load("items")).reason


def test_recommends_where_the_class_cannot_be_named(alchemy):
    alchemy.write(f"{HEAD}Customer = None\n\n\ndef f():\n    return «select(Order)»\n")
    assert "named" in alchemy.recommended(fixer, alchemy.load("customer.company")).reason


# --- changes ---------------------------------------------------------------------------------


FORMS = {
    "select(Order)": "select(Order).options({})",
    "select(Order).where(Order.id == 1)": "select(Order).where(Order.id == 1).options({})",
    "session.scalars(select(Order))": "session.scalars(select(Order).options({}))",
    "await session.execute(select(Order))": "await session.execute(select(Order).options({}))",
    "await session.get(Order, pk)": "await session.get(Order, pk, options=[{}])",
    "session.get(Order, pk, options=[selectinload(Order.items)])": (
        "session.get(Order, pk, options=[selectinload(Order.items), {}])"
    ),
    "session.query(Order).filter_by(a=1).all()": (
        "session.query(Order).filter_by(a=1).options({}).all()"
    ),
    "session.query(Order).first()": "session.query(Order).options({}).first()",
    "Order.query.all()": "Order.query.options({}).all()",
    "select(Order).options(selectinload(Order.items))": (
        "select(Order).options(selectinload(Order.items), {})"
    ),
    "select(Order).options(selectinload(Order.items)).limit(3)": (
        "select(Order).options(selectinload(Order.items), {}).limit(3)"
    ),
}


@pytest.mark.parametrize("before", FORMS)
def test_the_option_is_added_to_the_statement(alchemy, before):
    (alchemy.root / "ruff.toml").write_text("line-length = 100\n")
    alchemy.write(handler(f"«{before}»"))
    joined, select_in = alchemy.patches(fixer, alchemy.load("customer"))
    assert joined.covers == select_in.covers == (0,)
    after = FORMS[before].format("joinedload(Order.customer)")
    assert alchemy.apply(joined)["shop/views.py"] == handler(after).replace(
        "import select\n", "import select\nfrom sqlalchemy.orm import joinedload\n"
    )
    alchemy.sites.clear()
    alchemy.write(handler(f"«{after}»"))
    assert alchemy.advice(fixer, alchemy.load("customer")) == []
    alchemy.sites.clear()
    assert "selectinload(Order.customer)" in alchemy.apply(select_in)["shop/views.py"]


def test_a_statement_in_a_variable_is_extended_where_it_is_made(alchemy):
    alchemy.write(f"{HEAD}def f(session):\n    stmt = select(Order).limit(5)\n"
                  "    return «session.scalars(stmt)»\n")  # fmt: skip
    text = alchemy.fixed(fixer, alchemy.load("customer"))
    assert "stmt = select(Order).limit(5).options(joinedload(Order.customer))\n" in text


def test_a_statement_that_is_built_up_is_extended_at_its_last_step(alchemy):
    alchemy.write(f"{HEAD}def f(session, status):\n    stmt = select(Order)\n    if status:\n"
                  "        stmt = stmt.where(Order.status == status)\n"
                  "    return session.scalars(«stmt.order_by(Order.id)»)\n")  # fmt: skip
    text = alchemy.fixed(fixer, alchemy.load("customer"))
    assert "stmt.order_by(Order.id).options(joinedload(Order.customer)))\n" in text


def test_collections_are_never_joined(alchemy):
    alchemy.write(handler("«select(Order)»"))
    (patch,) = alchemy.patches(fixer, alchemy.load("items"))
    text = alchemy.apply(patch)["shop/views.py"]
    assert "select(Order).options(selectinload(Order.items))" in text
    assert "from sqlalchemy.orm import selectinload\n" in text


def test_a_path_mixes_joins_and_in_queries(alchemy):
    alchemy.write(handler("«select(Order)»"))
    loads = [alchemy.load(path) for path in ("items", "items.product", "customer.company")]
    joined, select_in = alchemy.patches(fixer, *loads)
    assert joined.covers == (0, 1, 2)
    text = alchemy.apply(joined)["shop/views.py"]
    assert "selectinload(Order.items).joinedload(Item.product)" in text
    assert "joinedload(Order.customer).joinedload(Customer.company)" in text
    assert "from shop.models import Customer, Item, Order\n" in text
    assert "from sqlalchemy.orm import joinedload, selectinload\n" in text
    assert "joinedload" not in alchemy.apply(select_in)["shop/views.py"]


def test_the_loader_that_is_there_is_kept_for_the_beginning(alchemy):
    alchemy.write(handler("«select(Order).options(subqueryload(Order.items))»"))
    text = alchemy.fixed(fixer, alchemy.load("items.product"))
    assert "subqueryload(Order.items).joinedload(Item.product)" in text


def test_the_models_own_strategy_is_kept_for_the_beginning(alchemy):
    strategy(alchemy, "items", "selectin")
    alchemy.write(handler("«select(Order)»"))
    text = alchemy.fixed(fixer, alchemy.load("items.product"), nth=0)
    assert "selectinload(Order.items).joinedload(Item.product)" in text


@pytest.mark.parametrize("step", ["with_for_update()", "group_by(Order.id)", "distinct()"])
def test_no_join_where_it_would_change_the_statement(alchemy, step):
    alchemy.write(handler(f"«select(Order).{step}»"))
    (patch,) = alchemy.patches(fixer, alchemy.load("customer"))
    assert "selectinload(Order.customer)" in alchemy.apply(patch)["shop/views.py"]


def test_the_class_is_written_as_the_statement_writes_it(alchemy):
    alchemy.write("from shop import models\n\n\ndef f():\n    return «select(models.Order)»\n")
    text = alchemy.fixed(fixer, alchemy.load("customer"))
    assert "joinedload(models.Order.customer)" in text


def test_layout_and_comments_survive(alchemy):
    alchemy.write(
        f"{HEAD}def f(session):\n    stmt = (\n        «select(Order)\n"
        "        .where(Order.paid)  # paid ones\n        .limit(5)»  # five\n    )\n"
    )
    text = alchemy.fixed(fixer, alchemy.load("customer"))
    assert text.endswith(
        "        select(Order)\n        .where(Order.paid)  # paid ones\n"
        "        .limit(5)  # five\n        .options(joinedload(Order.customer))\n    )\n"
    )
