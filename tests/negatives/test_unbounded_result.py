import pytest

from tests.builders import load, query
from tests.growth.traces import grown
from tests.negatives.cases import cases, found
from unslow.model import Index, Model, Relation, Table

USE = "shop/views.py:9:11 everything"
LIST = "SELECT id, name FROM item ORDER BY name"
MODELS = [
    Model(
        "shop.Item",
        "django",
        "shop.models",
        "Item",
        "item",
        relations=(Relation("order", "order", "forward", "shop.Order", column="order_id"),),
    )
]
TABLES = [Table("item", rows=960, indexes=(Index("item_shop", ("shop",)),))]


def listed(sql: str = LIST, counts=(60, 240, 960), *, times: int = 1, loaded=None, **known):
    seen = [query(sql, USE, rows=count, load=loaded) * times for count in counts]
    return grown(seen, models=MODELS, tables=TABLES, **known)


CASES = {
    "a page": listed(f"{LIST} LIMIT %s OFFSET %s"),
    "the first rows": listed(f"{LIST} FETCH FIRST 1000 ROWS ONLY"),
    "as many rows at every size": listed(counts=(60, 60, 60)),
    "a limit elsewhere is reached": listed(counts=(60, 100, 100)),
    "a short list that grows": listed(counts=(3, 12, 48)),
    "the rows of one parent": listed("SELECT id FROM item WHERE order_id = %s"),
    "the rows of one parent, through a join": listed(
        "SELECT s.id FROM seal s JOIN item i ON i.id = s.item_id WHERE i.order_id = %s"
    ),
    "the rows of one value of an indexed column": listed("SELECT id FROM item WHERE shop = %s"),
    "the rows of many keys": listed("SELECT id FROM item WHERE id IN (%s, %s)"),
    "the rows of a window of time": listed("SELECT id FROM item WHERE at > %s"),
    "groups": listed("SELECT shop, count(*) FROM item GROUP BY shop"),
    "distinct values": listed("SELECT DISTINCT shop FROM item"),
    "both parts of a union": listed("SELECT id FROM item UNION SELECT id FROM old_item"),
    "the second query of a prefetch": listed(loaded=load("prefetch")),
    "a query in a loop, which others look at": listed(times=4),
    "a query in a loop that grows": grown(
        [query(LIST, USE, rows=60) * count for count in (1, 4, 16)], models=MODELS
    ),
    "rows that are added up in Python": listed(bytes=(70, 70, 72)),
    "rows of which some are picked in Python": listed(bytes=(400, 1200, 4400)),
    "the rows that a write looks at": listed(method="POST"),
    "a function's rows": listed("SELECT 1 AS one"),
}


@pytest.mark.parametrize("seen", cases(CASES))
def test_silent(seen):
    assert seen.growth
    assert found("unbounded-result", seen) == []


def test_the_slow_form_fires():
    assert found("unbounded-result", listed())
    assert found("unbounded-result", listed("SELECT id FROM item WHERE status = %s"))
