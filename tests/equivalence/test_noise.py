"""Noise of every usual kind is masked; a change of another kind at the same place is not."""

import base64
import json
from uuid import UUID

import pytest

from tests.equivalence.answers import difference, given, masked

DAY = "2026-11-22T"


def jwt(**claims: object) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS256'})}.{part(claims)}.{'s' * 43}"


def unique(number: int) -> str:
    return str(UUID(int=number << 64))


NOISE = {
    "time": (f"{DAY}10:00:00Z", f"{DAY}10:00:01Z", f"{DAY}10:07:12.5Z"),
    "time of mail": (
        "Sun, 22 Nov 2026 10:00:00 GMT",
        "Sun, 22 Nov 2026 10:00:01 GMT",
        "Sun, 22 Nov 2026 10:09:00 GMT",
    ),
    "clock": ("10:00", "10:01", "10:09"),
    "epoch": (1795342000, 1795342001, 1795342999),
    "epoch in parts": (1795342000.25, 1795342001.5, 1795342999.125),
    "uuid": (unique(1), unique(2), unique(3)),
    "hex": ("9f86d081884c", "4e07408562be", "d4735e3a265e"),
    "token": ("Zk3v9QwErTy1", "aB7x2LmNoPq8", "Qq1Ww2Ee3Rr4"),
    "duration": (1.25, 2, 17.5),
    "flag": (True, False, True),
    "signed": (
        f"user:1abcde:{'x' * 43}",
        f"user:1abcdf:{'y' * 43}",
        f"user:1abcxx:{'z' * 43}",
    ),
}
STRANGERS = ("", "paid", None, [], {"a": 1}, "<b>oops</b>")


@pytest.mark.parametrize("kind", NOISE)
def test_noise_is_silent(kind: str) -> None:
    one, other, third = ({"id": 7, "x": value} for value in NOISE[kind])
    assert difference(given(one), given(other), given(third)) == ""


@pytest.mark.parametrize("kind", NOISE)
@pytest.mark.parametrize("stranger", STRANGERS, ids=repr)
def test_another_kind_of_value_in_its_place_is_found(kind: str, stranger: object) -> None:
    one, other, _ = ({"x": value} for value in NOISE[kind])
    assert difference(given(one), given(other), given({"x": stranger})).startswith("x")


def test_a_time_that_is_not_near_now_is_found() -> None:
    found = difference(
        given({"at": f"{DAY}10:00:00"}),
        given({"at": f"{DAY}10:00:01"}),
        given({"at": "2019-01-01T00:00:00"}),
    )
    assert found == 'at: "2026-11-22T10:00:00" -> "2019-01-01T00:00:00"'


def test_times_that_are_far_apart_by_themselves_are_silent() -> None:
    at = [given({"at": f"{year}-01-01T00:00:00"}) for year in (1999, 2010, 2023)]
    assert difference(*at) == ""


def test_claims_of_a_token_are_compared_but_for_its_times() -> None:
    one, other, good, bad = (
        given({"token": jwt(sub=user, iat=at)})
        for user, at in ((7, 1795342000), (7, 1795342003), (7, 1795342100), (8, 1795342100))
    )
    assert difference(one, other, good) == ""
    assert difference(one, other, bad) == "token.(token's claims).sub: 7 -> 8"


def test_what_a_signed_value_says_is_compared() -> None:
    one, other, changed = (
        given({"x": f"{who}:1abcd{at}:{at * 43}"})
        for who, at in (("user", "x"), ("user", "y"), ("root", "z"))
    )
    assert difference(one, other, changed).startswith("x.(token's claims):")


def test_keys_that_are_tokens_are_noise_and_their_values_are_not() -> None:
    one, other = given({unique(1): {"n": 1}}), given({unique(2): {"n": 1}})
    assert difference(one, other, given({unique(3): {"n": 1}})) == ""
    assert difference(one, other, given({unique(3): {"m": 1}})) != ""


def test_items_more_or_fewer_must_still_be_alike() -> None:
    one, other = given({"log": [{"n": 1}]}), given({"log": [{"n": 1}, {"n": 2}]})
    assert difference(one, other, given({"log": [{"n": 5}] * 3})) == ""
    assert difference(one, other, given({"log": [{"error": "no"}]})).startswith("log: items")


def test_order_that_is_noise_is_seen_through_other_noise() -> None:
    def rows(names: str, second: int) -> list[dict[str, object]]:
        return [{"name": name, "at": f"{DAY}10:00:{second:02}"} for name in names]

    one, other = given(rows("abc", 1)), given(rows("bca", 2))
    assert difference(one, other, given(rows("cab", 3))) == ""
    assert difference(one, other, given(rows("cax", 3))) != ""
    assert masked(one, other) == ("[*].at (time)", "body (order)")


def test_a_status_that_wavers_is_one_of_those_seen() -> None:
    one, other = given({}), given({"detail": "later"}, status=503)
    assert difference(one, other, given({"detail": "later"}, status=503)) == ""
    assert difference(one, other, given({"detail": "gone"}, status=503)) == ""
    assert difference(one, other, given({}, status=404)) == "status: 200 -> 404"
    assert difference(one, other, given({"a": 1})) == "a: missing -> 1"


def test_silent_when_a_cookie_differs_in_its_value_alone() -> None:
    def cookie(value: str, rest: str = "; HttpOnly; Path=/; Max-Age=60") -> object:
        return given([], headers={"Set-Cookie": f"sessionid={value}{rest}"})

    one, other = cookie("9f86d081884c7d65"), cookie("4e07408562bedb8b")
    third = "d4735e3a265e16ee"
    assert difference(one, other, cookie(third)) == ""
    assert difference(one, other, cookie(third, "; Path=/; Max-Age=60")) == (
        "header set-cookie.sessionid.httponly: true -> missing"
    )
    assert difference(one, other, cookie(third, "; HttpOnly; Path=/; Max-Age=6")) == (
        "header set-cookie.sessionid.max-age: 60 -> 6"
    )
    assert difference(one, one, cookie("other")) == (
        "header set-cookie.sessionid.value: 9f86d081884c7d65 -> other"
    )


def test_redirects_are_compared_but_for_their_tokens() -> None:
    def to(where: str) -> object:
        return given("", "text/html", {"Location": where}, status=302)

    one, other = to(f"/done?state={unique(1)}&next=/a"), to(f"/done?state={unique(2)}&next=/a")
    assert difference(one, other, to(f"/done?state={unique(3)}&next=/a")) == ""
    assert difference(one, other, to(f"/done?state={unique(3)}&next=/b")) == (
        "header location.next: /a -> /b"
    )
    one, other = to(f"/orders/{unique(1)}/paid"), to(f"/orders/{unique(2)}/paid")
    assert difference(one, other, to(f"/orders/{unique(3)}/paid")) == ""
    assert difference(one, other, to(f"/orders/{unique(3)}/open")) != ""
