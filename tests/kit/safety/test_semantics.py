"""The same small programs with the recorder and without it have the same outcomes."""

import ast
import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = [
    node.name
    for node in ast.parse(Path(__file__).with_name("programs.py").read_text()).body
    if isinstance(node, ast.FunctionDef) and not node.args.args and not node.name.startswith("_")
]
NOT_PROGRAMS = {"prepare_django", "prepare_sqlalchemy", "users", "engine"}
PICKLE = re.compile(r"PICKLE:([A-Za-z0-9+/=]+)")

LOAD = """
import base64, pickle, sys
sys.modules["unslow"] = None
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()
from django.db.models import QuerySet
for line in sys.stdin:
    value = pickle.loads(base64.b64decode(line))
    if isinstance(value, QuerySet):
        value = str(value.query) if value._result_cache is None else value._result_cache
    print(type(value).__name__, value)
"""


@pytest.fixture(scope="module")
def plain(run):
    return run("none", "compare")


@pytest.fixture(scope="module", params=["light", "full"])
def watched(run, request):
    return run(request.param, "compare")


def test_nothing_of_the_recorder_fails(watched) -> None:
    assert watched["errors"] == 0


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in NOT_PROGRAMS])
def test_a_program_has_the_same_outcome(plain, watched, name) -> None:
    before, after = plain["outcomes"][name], watched["outcomes"][name]
    assert PICKLE.sub("PICKLE", after) == PICKLE.sub("PICKLE", before)
    assert loaded(PICKLE.findall(after)) == loaded(PICKLE.findall(before))


def test_programs_do_what_they_say(plain) -> None:
    assert set(plain["outcomes"]) == set(PROGRAMS) - NOT_PROGRAMS
    assert [text for text in plain["outcomes"].values() if text[0] not in "[(T"] == []


def loaded(pickles: list[str]) -> str:
    """What the pickles hold, in a process that has no unslow."""
    if not pickles:
        return ""
    for text in pickles:
        assert b"unslow.observe" not in base64.b64decode(text)
    done = subprocess.run(
        [sys.executable, "-c", LOAD], input="\n".join(pickles), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    return done.stdout
