"""Rows used in ways that nobody expects: their query stays as it is."""

# ruff: noqa: E501 -- sources in one line

import pytest

from tests.rows.conftest import RowsBench
from unslow.lab.prescribe import (
    django_aggregate,
    django_exists,
    django_group_by,
    django_only,
    django_slice,
    django_values_list,
    sqlalchemy_aggregate,
    sqlalchemy_columns,
    sqlalchemy_exists,
    sqlalchemy_group_by,
    sqlalchemy_load_only,
)

HEAD = "from shop.models import Order\nfrom sqlalchemy import select\n\n\n"
DJANGO = "«Order.objects.all()»"
ALCHEMY = "«db.scalars(select(Order)).all()»"
COLUMN = (django_only, django_values_list, sqlalchemy_load_only, sqlalchemy_columns)
AGGREGATE = (django_aggregate, django_group_by, sqlalchemy_aggregate, sqlalchemy_group_by)
EXISTENCE = (django_exists, sqlalchemy_exists)
FIXERS = (
    {(one, "unused-column") for one in COLUMN}
    | {(one, "python-aggregate") for one in AGGREGATE}
    | {(one, "count-for-existence") for one in EXISTENCE}
    | {(django_slice, "unused-row")}
)

USES = {
    "handed on": "rows = {}\nfor o in rows:\n    use(o)",
    "returned": "return {}",
    "kept": "rows = {}\nself.rows = rows\nreturn [o.number for o in rows]",
    "global": "global rows\nrows = {}\nreturn [o.number for o in rows]",
    "two names": "a = b = {}\nuse(b)\nreturn [o.number for o in a]",
    "walrus": "if (rows := {}):\n    return rows\nreturn [o for o in rows]",
    "closure": "rows = {}\nreturn lambda: rows",
    "nonlocal": "rows = {}\ndef g():\n    nonlocal rows\n    rows = 1\ng()\nreturn sum(o.total for o in rows)",
    "by name": "return [getattr(o, name) for o in {}]",
    "dictionary": "return [vars(o) for o in {}]",
    "changed": "for o in {}:\n    o.number = 1\n    save(o)",
    "last row": "for o in {}:\n    use(o.number)\nreturn o",
    "yielded": "for o in {}:\n    yield o",
    "deleted": "for o in {}:\n    o.delete()",
    "counted on the way": "n = 0\nfor o in {}:\n    n += log(o, n)\nreturn n",
    "errors": "t = 0\nfor o in {}:\n    try:\n        t += use(o)\n    except ValueError:\n        continue\nreturn t",
    "else": "for o in {}:\n    if check(o):\n        break\nelse:\n    return 1",
    "shadowed": "sum = use\nreturn sum(o.total for o in {})",
    "shadowed length": "len = use\nreturn len({}) > 0",
    "shadowed truth": "bool = use\nreturn bool({})",
    "side effects": "return sum(log(o) for o in {})",
    "used again": "rows = {}\nif len(rows) > 0:\n    use(rows)\nreturn rows",
}


@pytest.mark.parametrize(("fixer", "detector"), sorted(FIXERS, key=str))
@pytest.mark.parametrize("case", USES)
def test_the_query_stays(tmp_path, case, fixer, detector):
    orm = "sqlalchemy" if "sqlalchemy" in fixer.__name__ else "django"
    query = ALCHEMY if orm == "sqlalchemy" else DJANGO
    bench = RowsBench(tmp_path, orm, detector)
    lines = USES[case].replace("{}", query).split("\n")
    code = "".join(f"    {line}\n" for line in lines)
    head = "def run(db, self, name):\n"
    assert bench.fixed(fixer, HEAD + head + code) is None
