"""`unslow token` prints a token and nothing else."""

import pytest

from unslow.kit import _token

SECRET = "0123456789" * 4


@pytest.fixture(autouse=True)
def secret(monkeypatch) -> None:
    monkeypatch.setenv("UNSLOW_SECRET", SECRET)


def test_without_a_secret_it_says_how_to_make_one(unslow, monkeypatch) -> None:
    monkeypatch.delenv("UNSLOW_SECRET")
    ran = unslow("token")
    assert (ran.code, ran.out) == (2, "")
    assert "UNSLOW_SECRET is not set" in ran.err
    assert "secrets.token_urlsafe(32)" in ran.err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--ttl", "2d"], "not a duration"),
        (["--ttl", "25h"], "24 hours"),
        (["--route", "^x$"], "path or a route template"),
    ],
)
def test_wrong_usage_prints_no_token_and_no_secret(unslow, words, problem) -> None:
    ran = unslow("token", *words)
    assert (ran.code, ran.out) == (2, "")
    assert problem in ran.err
    assert SECRET not in ran.err


def test_the_token_is_for_its_route(unslow) -> None:
    ran = unslow("token", "--ttl", "1h", "--route", "orders/<int:pk>/")
    assert ran.code == 0
    assert _token.allows(ran.out.strip(), SECRET, "/orders/7/")
    assert not _token.allows(ran.out.strip(), SECRET, "/orders/")
