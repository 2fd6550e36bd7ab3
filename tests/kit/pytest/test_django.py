"""A Django suite: what fails under --unslow, what does not, and what the messages say."""

import pytest

from tests.kit.pytest.django_suite import FILES

FINE = (
    "test_joined",
    "test_allowed",
    "test_own_loop",
    "test_many_requests",
    "test_called_in_a_loop",
    "test_own_queryset",
    "test_case_that_is_fine",
    "test_few",
    "test_saved_in_a_transaction",
    "test_block_that_is_fine",
    "test_snapshot",
)
CAUSES = {
    "test_slow": (
        "shop/views.py:13",
        'Customer.objects.filter(pk__gt=0).select_related("company")',
    ),
    "test_live": ("shop/views.py:13", "select_related"),
    "test_case": ("shop/views.py:13", "select_related"),
    "test_api": ("shop/views.py:41", 'Customer.objects.all().select_related("company")'),
    "test_service": (
        "shop/service.py:4",
        'Customer.objects.order_by("name").select_related("company")',
    ),
    "test_sizes": ("shop/service.py:7", 'Count("customers")'),
    "test_each": ("shop/service.py:13", "Company.objects.in_bulk(keys)"),
    "test_async": ("shop/views.py:29", "Company.objects.in_bulk(keys)"),
}


@pytest.fixture(scope="module")
def project(suite):
    suite.write(FILES)
    updated = suite.run("--unslow-update", "-k", "snapshot")
    assert updated.code == 0, updated.output
    return suite


@pytest.fixture(scope="module")
def ran(project):
    return project.run("--unslow")


@pytest.mark.parametrize("name", FINE)
def test_silent(ran, name) -> None:
    assert ran.failures[name] == ""


@pytest.mark.parametrize("name", CAUSES)
def test_a_repeated_query_fails_with_its_cause_and_what_to_write(ran, name) -> None:
    place, fix = CAUSES[name]
    message = ran.failures[name]
    assert message.startswith("repeated-query: ")
    assert f"cause  {place} in" in message
    assert fix in message.partition("\n  fix ")[2].partition("\n")[0]
    assert "runs 6 queries of one shape" in message


def test_the_message_shows_the_code_of_the_cause(ran) -> None:
    assert (
        "      13 |     return answer(Customer.objects.filter(pk__gt=0))\n"
        "         |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
    ) in ran.failures["test_slow"]


def test_the_recorder_itself_does_not_fail(ran) -> None:
    assert ran.failures["test_no_errors"] == ""


def test_a_failure_of_its_own_is_the_one_that_is_told(ran) -> None:
    assert "its own failure" in ran.failures["test_wrong_anyhow"]
    assert "repeated-query" not in ran.failures["test_wrong_anyhow"]


def test_more_queries_than_allowed_are_listed_by_shape(ran) -> None:
    message = ran.failures["test_too_many"]
    assert "max_queries: 7 queries, 2 allowed\n  6 × SELECT" in message
    assert "shop/views.py:10" in message
    assert "max_queries: 7 queries, 3 allowed" in ran.failures["test_block"]


def test_without_the_option_only_what_is_asked_for_fails(project) -> None:
    ran = project.run()
    failed = {name for name, message in ran.failures.items() if message}
    assert failed == {"test_wrong_anyhow", "test_too_many", "test_block"}


def test_workers_of_xdist_find_the_same(project, ran) -> None:
    spread = project.run("--unslow", "-n", "2")
    same = {name for name, message in ran.failures.items() if message}
    assert {name for name, message in spread.failures.items() if message} == same


def test_a_snapshot_holds_shapes_and_counts_alone(project) -> None:
    text = (project.root / "tests/test_shop.queries.toml").read_text()
    assert "['test_snapshot all']" in text
    assert text.count(" = 1\n") == 2
    assert text.count(" = 6\n") == 1
    assert "?" in text


def test_workers_of_xdist_write_the_same_snapshots(project) -> None:
    path = project.root / "tests/test_shop.queries.toml"
    before = path.read_text()
    path.unlink()
    assert project.run("-k", "snapshot").failures["test_snapshot"].count("--unslow-update")
    project.run("--unslow-update", "-k", "snapshot or joined", "-n", "2")
    assert path.read_text() == before


def test_other_queries_than_reviewed_fail_with_the_difference(project) -> None:
    path = project.root / "tests/test_shop.queries.toml"
    before = path.read_text()
    try:
        path.write_text(before.replace(" = 6\n", " = 2\n"))
        message = project.run("-k", "snapshot").failures["test_snapshot"]
        path.write_text("not a snapshot")
        broken = project.run("-k", "snapshot").failures["test_snapshot"]
    finally:
        path.write_text(before)
    assert "  2 → 6  SELECT" in message
    assert "review the file's diff" in message
    assert "is no file of snapshots" in broken


BROKEN = """
from unslow.kit import _test_repeats

def broken(run, is_test):
    raise LookupError("not the test's")

_test_repeats.repeats = broken
"""


def test_a_failure_of_the_plugin_is_told_and_fails_no_test(project) -> None:
    conftest = project.root / "conftest.py"
    conftest.write_text(BROKEN)
    try:
        alone = project.run("--unslow", "-k", "slow or joined")
        spread = project.run("--unslow", "-k", "slow or joined", "-n", "2")
    finally:
        conftest.unlink()
    for ran in (alone, spread):
        assert ran.code == 0
        assert "unslow: its recorder failed 2 times" in ran.output
