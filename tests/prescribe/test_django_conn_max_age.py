"""The settings keep connections, in the layout of the dictionary that is there."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from unslow.lab.patching import diff
from unslow.lab.prescribe import django_conn_max_age
from unslow.model import Patch, Recommendation, SettingEvidence

PAGE = Path(__file__).parents[2] / "docs/fixers/django-conn-max-age.md"
EVIDENCE = SettingEvidence("CONN_MAX_AGE", "0", "default", 1.0, 5.0)


def advice(bench, text, fixer=django_conn_max_age, evidence=EVIDENCE):
    bench.write(text, "shop/settings.py")
    finding = bench.finding(id="connection-per-request")
    return list(fixer.fix(replace(finding, evidence=evidence), bench.source))


def patched(bench, text, fixer=django_conn_max_age, evidence=EVIDENCE):
    (patch,) = advice(bench, text, fixer, evidence)
    assert isinstance(patch, Patch)
    assert patch.metric == "wall"
    return bench.apply(patch)["shop/settings.py"]


@pytest.mark.parametrize(
    "text",
    [
        "DATABASES = {'default': «env.db()»}\n",
        "DATABASES = {'default': «{**BASE, 'NAME': 'x'}»}\n",
        "DATABASES = {'default': «{'NAME': 'x', 'CONN_MAX_AGE': AGE}»}\n",
        "DATABASES = {'default': «{}»}\n",
    ],
)
def test_nothing_but_advice_for(bench, text):
    (only,) = advice(bench, text)
    assert isinstance(only, Recommendation)


def test_a_pool_is_advised_under_asgi(bench):
    (only,) = advice(
        bench, "D = {'default': «{'A': 1}»}\n", evidence=replace(EVIDENCE, threaded=False)
    )
    assert isinstance(only, Recommendation)
    assert "pool" in only.summary


def test_silent_for_sqlalchemy(bench):
    evidence = replace(EVIDENCE, name="NullPool")
    assert advice(bench, "D = {'default': «{'A': 1}»}\n", evidence=evidence) == []


def test_entries_on_lines_of_their_own(bench):
    assert patched(bench, "D = {\n    'a': «{\n        'NAME': 'x',  # ours\n    }»,\n}\n") == (
        "D = {\n    'a': {\n        'NAME': 'x',  # ours\n"
        '        "CONN_MAX_AGE": 60,\n        "CONN_HEALTH_CHECKS": True,\n    },\n}\n'
    )


def test_a_zero_that_is_written_out(bench):
    assert patched(bench, "D = {'a': «{'NAME': 'x', 'CONN_MAX_AGE': 0}»}\n") == (
        "D = {'a': {'NAME': 'x', 'CONN_MAX_AGE': 60, \"CONN_HEALTH_CHECKS\": True}}\n"
    )


def test_the_page_shows_what_is_written(bench):
    text = PAGE.read_text()
    (example, *_) = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    (expected, *_) = re.findall(r"^```diff\n(.*?)^```$", text, re.M | re.S)
    cause = example.partition('"default": ')[2].rpartition(",\n}")[0]
    (patch,) = advice(bench, example.replace(cause, f"«{cause}»"))
    assert diff([patch], bench.source.read) == expected
