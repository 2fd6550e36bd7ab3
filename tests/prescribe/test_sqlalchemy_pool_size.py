"""The engine's pool gets the room of SQLAlchemy's defaults, and never less than it has."""

import re

import pytest

from tests.prescribe.test_sqlalchemy_echo import ECHO, PAGES, advice, patched
from unslow.lab.patching import diff
from unslow.lab.prescribe import sqlalchemy_pool_size
from unslow.model import Recommendation, SettingEvidence

SMALL = SettingEvidence("pool_size", "1", "shop", threaded=False)


@pytest.mark.parametrize(
    "text",
    [
        "engine = «create_engine(URL)»\n",
        "engine = «create_engine(URL, pool_size=SIZE)»\n",
        "engine = «create_engine(URL, pool_size=1, **options)»\n",
        "engine = «make_engine(pool_size=1)»\n",
        "engine = «create_engine(URL, pool_size=5, max_overflow=10)»\n",
    ],
)
def test_nothing_but_advice_for(bench, text):
    (only,) = advice(bench, text, sqlalchemy_pool_size, SMALL)
    assert isinstance(only, Recommendation)


def test_silent_for_other_settings(bench):
    text = "engine = «create_engine(URL, echo=True)»\n"
    assert advice(bench, text, sqlalchemy_pool_size, ECHO) == []


def test_what_is_smaller_is_raised(bench):
    text = "engine = «create_engine(URL, pool_size=1, max_overflow=20)»\n"
    after = patched(bench, text, sqlalchemy_pool_size, SMALL)
    assert after == "engine = create_engine(URL, pool_size=5, max_overflow=20)\n"


def test_the_page_shows_what_is_written(bench):
    text = (PAGES / "sqlalchemy-pool-size.md").read_text()
    (example, *_) = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    (expected, *_) = re.findall(r"^```diff\n(.*?)^```$", text, re.M | re.S)
    cause = example.partition("engine = ")[2].rstrip("\n")
    (patch,) = advice(bench, example.replace(cause, f"«{cause}»"), sqlalchemy_pool_size, SMALL)
    assert patch.metric == "wall"
    assert diff([patch], bench.source.read) == expected
