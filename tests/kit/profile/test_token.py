"""Tokens of profiles: what is refused first, then what is allowed."""

import pytest

from unslow.errors import UsageError
from unslow.kit import _token

SECRET = "s" * 32
NOW = 1_800_000_000.0


def signed(route: str = "", ttl_s: float = 60.0) -> str:
    return _token.sign(SECRET, ttl_s=ttl_s, route=route, now=NOW)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "1900000000..",
        "1900000000.",
        "kein Tökén",
        "\udcff.a.b",
        "a" * 5000,
        signed()[:-1],
        signed() + "=",
        signed().swapcase(),
        "1" + signed(),
        signed().replace("1800000060", "1900000060"),
        signed("/other").replace(signed("/other").split(".")[1], ""),
        _token.sign("t" * 32, ttl_s=60, now=NOW),
    ],
)
def test_what_was_not_signed_is_refused(token) -> None:
    assert not _token.allows(token, SECRET, "/", now=NOW)


def test_a_token_is_refused_once_its_time_is_over() -> None:
    assert _token.allows(signed(ttl_s=60), SECRET, "/", now=NOW + 59)
    assert not _token.allows(signed(ttl_s=60), SECRET, "/", now=NOW + 60)


def test_nothing_is_allowed_without_a_secret() -> None:
    assert not _token.allows(signed(), "", "/", now=NOW)


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ("/orders/", "/orders/7"),
        ("/orders/{id}", "/orders/7/items"),
        ("/orders/{id}", "/orders/"),
        ("orders/<int:pk>/", "/customers/7/"),
        ("/a.c", "/abc"),
        ("/orders/", "/orders/\n"),
    ],
)
def test_a_token_of_one_route_is_refused_elsewhere(route, path) -> None:
    assert not _token.allows(signed(route), SECRET, path, now=NOW)


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ("", "/anything"),
        ("/orders/", "/orders/"),
        ("/orders/{id}", "/orders/7"),
        ("/files/{path:path}", "/files/a/b"),
        ("/orders/{id:int}/items", "/orders/7/items"),
        ("orders/<int:pk>/", "/orders/7/"),
        ("files/<path:name>", "/files/a/b"),
        ("/grüße/<name>", "/grüße/x"),
    ],
)
def test_a_token_is_good_for_its_route(route, path) -> None:
    assert _token.allows(signed(route), SECRET, path, now=NOW)


def test_a_regular_expression_is_no_route() -> None:
    with pytest.raises(UsageError, match="path or a route template"):
        signed(r"^orders/(?P<pk>\d+)/$")


@pytest.mark.parametrize("ttl_s", [0.0, -1.0, 24 * 3600 + 1.0, float("nan")])
def test_a_token_lasts_a_day_at_most(ttl_s) -> None:
    with pytest.raises(UsageError, match="24 hours"):
        signed(ttl_s=ttl_s)


def test_a_short_secret_is_refused_with_the_command_that_makes_a_good_one() -> None:
    with pytest.raises(UsageError, match=r"has 5 characters.*secrets.token_urlsafe"):
        _token.sign("short", ttl_s=60)
