"""The examples of the index fixers' pages are what the fixers write."""

import re
from pathlib import Path

import pytest

from tests.prescribe_index.writing import field, finding, model, patches
from unslow.lab.patching import diff
from unslow.lab.prescribe import Source, django_index, postgres_index, sqlalchemy_index
from unslow.model import Model

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [
    *(f"fixers/{name}-index" for name in ("django", "sqlalchemy", "postgres")),
    *(f"detectors/{name}" for name in ("repeated-query", "duplicate-query")),
    *(f"detectors/{name}" for name in ("unindexed-filter", "unindexed-sort")),
]
FIELDS = (field("status"), field("placed_at"))


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / f"{page}.md").read_text()
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", text)


def source_of(root: Path, path: str, label: str, orm: str, table: str) -> Source:
    [text] = blocks(f"fixers/{orm}-index", "python")
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)
    known: Model = model(label, orm, text, path, table, *FIELDS)
    return Source([root], [known])


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_compiles(page):
    found = blocks(page, "python")
    assert found
    for text in found:
        compile(text, page, "exec")


def test_the_django_page_shows_what_is_written(tmp_path):
    source = source_of(tmp_path, "shop/models.py", "shop.Order", "django", "shop_order")
    (tmp_path / "shop/migrations").mkdir()
    (tmp_path / "shop/migrations/0001_initial.py").write_text("class Migration:\n    pass\n")
    one = finding("status", order=("-placed_at",))
    [first, _] = patches(list(django_index.fix(one, source)))
    assert blocks("fixers/django-index", "diff") == [diff([first], source.read)]


def test_the_sqlalchemy_page_shows_what_is_written(tmp_path):
    source = source_of(tmp_path, "models.py", "models.Order", "sqlalchemy", "orders")
    one = finding("status", order=("-placed_at",), model="models.Order", table="orders")
    [first, _] = patches(list(sqlalchemy_index.fix(one, source)))
    assert blocks("fixers/sqlalchemy-index", "diff") == [diff([first], source.read)]


def test_the_postgres_page_shows_what_is_written(tmp_path):
    one = finding("kind", order=("-made_at",), model="", table="events")
    [first, _] = patches(list(postgres_index.fix(one, Source([tmp_path]))))
    [sql] = blocks("fixers/postgres-index", "sql")
    assert f"Run {sql.strip()}" == first.summary
