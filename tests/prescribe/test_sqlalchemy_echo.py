"""The engine stops logging; Django's DEBUG is left to the settings' owner."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from unslow.lab.patching import diff
from unslow.lab.prescribe import sqlalchemy_echo
from unslow.model import Patch, Recommendation, SettingEvidence

PAGES = Path(__file__).parents[2] / "docs/fixers"
ECHO = SettingEvidence("echo", "True")


def advice(bench, text, fixer=sqlalchemy_echo, evidence=ECHO):
    bench.write(text, "shop/database.py")
    finding = bench.finding(id="debug-mode")
    return list(fixer.fix(replace(finding, evidence=evidence), bench.source))


def patched(bench, text, fixer=sqlalchemy_echo, evidence=ECHO):
    (patch,) = advice(bench, text, fixer, evidence)
    assert isinstance(patch, Patch)
    return bench.apply(patch)["shop/database.py"]


@pytest.mark.parametrize(
    "text",
    [
        "engine = «create_engine(URL, echo=DEBUG)»\n",
        "engine = «create_engine(URL, **options)»\n",
        "engine = «make_engine()»\n",
    ],
)
def test_nothing_but_advice_for(bench, text):
    (only,) = advice(bench, text)
    assert isinstance(only, Recommendation)


def test_django_gets_advice(bench):
    (only,) = advice(bench, "DEBUG = «True»\n", evidence=replace(ECHO, name="DEBUG"))
    assert isinstance(only, Recommendation)
    assert "environment" in only.summary


def test_the_argument_goes(bench):
    text = "engine = «create_engine(URL, echo=True, pool_size=5)»\n"
    assert patched(bench, text) == "engine = create_engine(URL, pool_size=5)\n"


def test_the_page_shows_what_is_written(bench):
    text = (PAGES / "sqlalchemy-echo.md").read_text()
    (example, *_) = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    (expected, *_) = re.findall(r"^```diff\n(.*?)^```$", text, re.M | re.S)
    cause = example.partition("engine = ")[2].rstrip("\n")
    (patch,) = advice(bench, example.replace(cause, f"«{cause}»"))
    assert diff([patch], bench.source.read) == expected
