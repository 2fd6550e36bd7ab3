"""The engine keeps SQLAlchemy's own pool, and nothing else of the call changes."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.prescribe.test_django_conn_max_age import EVIDENCE, advice, patched
from unslow.lab.patching import diff
from unslow.lab.prescribe import sqlalchemy_pool
from unslow.model import Recommendation

PAGE = Path(__file__).parents[2] / "docs/fixers/sqlalchemy-pool.md"
NULL = replace(EVIDENCE, name="NullPool", value="")


@pytest.mark.parametrize(
    "text",
    [
        "engine = «make_engine(URL, poolclass=NullPool)»\n",
        "engine = «create_engine(URL, poolclass=chosen)»\n",
        "engine = «create_engine(URL, **options)»\n",
    ],
)
def test_nothing_but_advice_for(bench, text):
    (only,) = advice(bench, text, sqlalchemy_pool, NULL)
    assert isinstance(only, Recommendation)


def test_silent_for_django(bench):
    assert advice(bench, "D = «{'A': 1}»\n", sqlalchemy_pool) == []


def test_the_import_goes_with_its_last_use(bench):
    text = (
        "from sqlalchemy import create_engine\nfrom sqlalchemy.pool import NullPool\n\n"
        "engine = «create_engine(URL, poolclass=NullPool, echo=True)»\n"
    )
    assert patched(bench, text, sqlalchemy_pool, NULL) == (
        "from sqlalchemy import create_engine\n\nengine = create_engine(URL, echo=True)\n"
    )


def test_an_import_that_is_needed_stays(bench):
    text = (
        "from sqlalchemy import NullPool, create_engine\n\n"
        "engine = «create_engine(\n    URL,\n    poolclass=NullPool,\n)»\n"
    )
    assert patched(bench, text, sqlalchemy_pool, NULL) == (
        "from sqlalchemy import NullPool, create_engine\n\nengine = create_engine(\n    URL,\n)\n"
    )


def test_the_page_shows_what_is_written(bench):
    text = PAGE.read_text()
    (example, *_) = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    (expected, *_) = re.findall(r"^```diff\n(.*?)^```$", text, re.M | re.S)
    cause = "create_async_engine(URL, poolclass=NullPool)"
    (patch,) = advice(bench, example.replace(cause, f"«{cause}»"), sqlalchemy_pool, NULL)
    assert diff([patch], bench.source.read) == expected
