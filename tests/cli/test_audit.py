"""The command line around the pipeline; the audit itself is tested end to end in tests/e2e."""

import pytest

from unslow.cli._values import pairs, seconds
from unslow.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"), [("90", 90.0), ("90s", 90.0), ("5m", 300.0), ("1.5h", 5400.0)]
)
def test_durations_have_units(text, expected) -> None:
    assert seconds(text, "--time-budget") == expected


@pytest.mark.parametrize("text", ["", "soon", "-1", "0", "5 min"])
def test_a_duration_that_is_none_is_refused(text) -> None:
    with pytest.raises(UsageError, match="write 90s, 5m or 1h"):
        seconds(text, "--time-budget")


def test_a_value_may_hold_the_separator() -> None:
    assert pairs(["URL=postgresql://h/d?a=b"], "=", "--env") == {"URL": "postgresql://h/d?a=b"}
    assert pairs(["Authorization: Token a:b"], ":", "--header") == {"Authorization": "Token a:b"}


def test_a_refused_header_is_not_echoed() -> None:
    with pytest.raises(UsageError) as refused:
        pairs(["secret-token"], ":", "--header")
    assert "secret-token" not in str(refused.value)


def test_no_application_is_a_usage_error_in_one_line(tmp_path, monkeypatch, unslow) -> None:
    monkeypatch.chdir(tmp_path)
    ran = unslow("audit")
    assert ran.code == 2
    assert ran.err.startswith("unslow: ")
    assert "Traceback" not in ran.err


def test_a_wrong_option_is_a_usage_error(unslow) -> None:
    assert unslow("audit", "--no-such-option").code == 2


def test_a_report_that_could_not_be_written_is_told_before_the_work(tmp_path, unslow) -> None:
    ran = unslow("audit", "--json", str(tmp_path / "no" / "r.json"))
    assert ran.code == 2
    assert "does not exist; create it first" in ran.err


def test_one_source_of_requests_at_a_time(unslow) -> None:
    ran = unslow("audit", "--from-tests", "tests", "--replay", "access.log")
    assert ran.code == 2
    assert "--from-tests or --replay, not both" in ran.err
