"""A test suite as the workload of an audit: what is replayed, what is not, and what goes wrong."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit.pytest.django_suite import FILES
from unslow.errors import UnslowError, UsageError
from unslow.lab import from_tests as audits
from unslow.lab.pipeline import Options
from unslow.lab.target import Target
from unslow.lab.workload import from_tests, replay
from unslow.progress import Silent

MANAGE = """\
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
FILL = """
from shop.models import Company, Customer
for n in range(20):
    Customer.objects.create(name=f"c{n}", company=Company.objects.create(name=f"f{n}"))
"""
TESTS = "tests -k 'slow or joined or saved or api'"


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("project")
    for name, text in {**FILES, "manage.py": MANAGE}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    manage(root, "makemigrations", "shop")
    manage(root, "migrate")
    return root


@pytest.fixture(scope="module")
def filled(project) -> Path:
    manage(project, "shell", "-c", FILL)
    return project


def manage(root: Path, *words: str) -> None:
    subprocess.run([sys.executable, "manage.py", *words], cwd=root, check=True, timeout=60)


def target(root: Path) -> Target:
    command = (sys.executable, "manage.py", "runserver")
    return Target(root=root, command=command, python=Path(sys.executable), kind="django")


def repeated(report):
    return {
        (one.cause.path, one.cause.line): one
        for one in report.findings
        if one.id == "repeated-query"
    }


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


def test_an_empty_database_leaves_what_the_tests_themselves_show(project) -> None:
    progress = Notes()
    audited = audits.audit(TESTS, target(project), Options(prove=False), progress)
    found = repeated(audited.report)
    assert set(found) == {("shop/views.py", 13), ("shop/views.py", 41)}
    slow = found["shop/views.py", 13]
    assert slow.endpoints == ("GET slow/",)
    assert slow.title.startswith("GET slow/ runs 6 queries of one shape")
    assert [fix.fixer for fix in slow.fixes] == ["django-select-related"]
    assert {one.id for one in audited.report.findings} == {"repeated-query"}
    assert any(note.startswith("Nothing is replayed") for note in progress.notes)


def test_requests_are_replayed_on_the_clone_where_it_answers_alike(filled) -> None:
    audited = audits.audit(TESTS, target(filled), Options(prove=False), Silent())
    found = repeated(audited.report)
    assert set(found) == {("shop/views.py", 13), ("shop/views.py", 41)}
    assert found["shop/views.py", 13].title.startswith("GET slow/ runs 20 queries")
    assert {f"{one.method} {one.route}" for one in audited.report.endpoints} == {
        "GET slow/",
        "GET joined/",
        "GET api/",
        "POST saved/",
    }


@pytest.fixture
def suite(tmp_path):
    """A Flask application and tests that send what they are told to."""

    def write(test: str) -> Target:
        (tmp_path / "app").mkdir()
        (tmp_path / "app" / "test_app.py").write_text(test)
        return replace(target(tmp_path / "app"), kind="flask")

    return write


FLASK = """
import flask
app = flask.Flask(__name__)

@app.post("/echo")
def echo():
    return flask.request.data, int(flask.request.args.get("status", 200))

def test_echo():
    client = app.test_client()
    client.set_cookie("sessionid", "secret")
    for status in (200, 201, 404, 500):
        sent = client.post(f"/echo?status={status}", data=b"\\xff\\x00", headers={"X-Own": "1"})
        assert sent.status_code == status and sent.data == b"\\xff\\x00"
"""


def run(words, target, tmp_path):
    folder = tmp_path / "seen"
    folder.mkdir()
    return from_tests.run(words, target, folder, Silent())


@pytest.mark.parametrize("words", ["-q", "-q -n 2"])
def test_what_was_answered_well_can_be_replayed(suite, tmp_path, words) -> None:
    seen = run(words, suite(FLASK), tmp_path)
    calls = sorted(replay.read(seen.recording), key=lambda call: call.expected)
    assert [(one.method, one.path, one.expected) for one in calls] == [
        ("POST", "/echo?status=200", 200),
        ("POST", "/echo?status=201", 201),
    ]
    assert calls[0].body == b"\xff\x00"
    assert calls[0].headers["X-Own"] == "1"
    assert "Cookie" not in calls[0].headers
    assert [one.status for one in seen.trace.requests] == [200, 201, 404, 500]
    assert {one.route for one in seen.trace.requests} == {"/echo"}


def test_a_test_that_fails_still_tells_what_it_sent(suite, tmp_path) -> None:
    seen = run("-q", suite(FLASK + "    assert False\n"), tmp_path)
    assert len(seen.trace.requests) == 4


def test_no_test_collected_is_a_usage_error(suite, tmp_path) -> None:
    with pytest.raises(UsageError, match="collects no test in"):
        run("-k nothing_like_it", suite(FLASK), tmp_path)


def test_tests_that_send_nothing_are_a_usage_error(suite, tmp_path) -> None:
    with pytest.raises(UsageError, match="send no request"):
        run("-q", suite("def test_one():\n    pass\n"), tmp_path)


def test_a_suite_that_fails_before_it_sends_tells_how_it_ended(suite, tmp_path) -> None:
    with pytest.raises(UnslowError, match=r"(?s)fails, and sends no request:.*assert False"):
        run("-q", suite("def test_one():\n    assert False\n"), tmp_path)


def test_a_suite_that_does_not_run_tells_why(suite, tmp_path) -> None:
    with pytest.raises(UnslowError, match=r"(?s)does not run .exit code 2.*no_such_module"):
        run("-q", suite("import no_such_module\n"), tmp_path)
