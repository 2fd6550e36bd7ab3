"""Who may not see a profile gets the plain response, and nothing that tells of profiles."""

import re
import time
from html import unescape

import pytest

from tests.kit.profile.exchange import ASK, SECRET, Application, wrapped
from unslow.errors import UsageError
from unslow.kit import _page, _token
from unslow.kit._profile import Place, Profile, Sample
from unslow.kit._watch import Watch

HEADERS = [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]


def token(**options) -> str:
    return _token.sign(SECRET, **{"ttl_s": 60, **options})


REFUSED = {
    "none": "",
    "empty": "&profile_token=",
    "wrong": "&profile_token=abc.def.ghi",
    "of-another-secret": "&profile_token=" + _token.sign("x" * 32, ttl_s=60),
    "expired": "&profile_token=" + token(now=time.time() - 61),
    "of-another-route": "&profile_token=" + token(route="/other"),
    "tampered": "&profile_token=" + token()[:-2] + "AA",
    "prolonged": "&profile_token=9" + token(),
    "in-pieces": "&profile_token=" + "&profile_token=".join(token().split(".")),
    "not-ascii": "&profile_token=%C3%A9",
}


@pytest.fixture
def no_watch(monkeypatch) -> None:
    """Nothing is watched, so that an outsider's request takes the time that it always takes."""

    def start(self: Watch) -> None:
        raise AssertionError("watched")

    monkeypatch.setattr(Watch, "start", start)


@pytest.mark.usefixtures("no_watch")
@pytest.mark.parametrize("protocol", ASK)
@pytest.mark.parametrize("kind", ["1", "text"])
@pytest.mark.parametrize("suffix", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("settings", [{"secret": SECRET}, {}, {"debug": False}])
def test_an_outsider_gets_the_plain_response(protocol, kind, suffix, settings) -> None:
    application = Application(201, HEADERS, (b"one", b"two"))
    query = f"a=1&profile={kind}{suffix}&b=2"
    plain = ASK[protocol](getattr(application, protocol), query)
    answered = ASK[protocol](wrapped(application, protocol, **settings), query)
    assert answered == plain
    before, after = application.asked
    assert after == before


@pytest.mark.usefixtures("no_watch")
@pytest.mark.parametrize("protocol", ASK)
@pytest.mark.parametrize("given", ["abc.def.ghi", "", token(route="/other")])
def test_a_header_that_is_no_token_reaches_the_application(protocol, given) -> None:
    application = Application()
    for app in (getattr(application, protocol), wrapped(application, protocol, secret=SECRET)):
        assert ASK[protocol](app, "profile=1", X_Unslow_Token=given).body == b"plain"
    before, after = application.asked
    assert after == before


@pytest.mark.usefixtures("no_watch")
@pytest.mark.parametrize("protocol", ASK)
@pytest.mark.parametrize(
    "query", ["", "profile=0", "profile=", "profile", "profiles=1", "profile=7", "x=profile=1"]
)
def test_a_request_that_asks_for_no_profile_is_left_alone(protocol, query) -> None:
    application = Application()
    app = wrapped(application, protocol, debug=True)
    assert ASK[protocol](app, query, X_Unslow_Token=token()).body == b"plain"
    assert query in str(application.asked[0])


@pytest.mark.parametrize("protocol", ASK)
def test_a_token_in_the_query_or_in_the_header_opens(protocol) -> None:
    app = wrapped(Application(), protocol, secret=SECRET)
    for route in ("", "/shelf", "/{name}"):
        good = token(route=route)
        assert "GET /shelf" in ASK[protocol](app, f"profile=text&profile_token={good}").text
        assert "GET /shelf" in ASK[protocol](app, "profile=text", X_Unslow_Token=good).text


@pytest.mark.parametrize("protocol", ASK)
def test_the_secret_may_stand_in_the_environment(protocol, monkeypatch) -> None:
    monkeypatch.setenv("UNSLOW_SECRET", SECRET)
    app = wrapped(Application(), protocol)
    answered = ASK[protocol](app, f"profile=text&profile_token={token()}")
    assert "GET /shelf" in answered.text


@pytest.mark.parametrize("protocol", ASK)
def test_the_application_does_not_see_the_token(protocol) -> None:
    application = Application()
    app = wrapped(application, protocol, secret=SECRET)
    good = token()
    ASK[protocol](app, f"a=1&profile=text&profile_token={good}&b=2%20x")
    ASK[protocol](app, "a=1&profile=text&b=2%20x", X_Unslow_Token=good)
    for seen in application.asked:
        assert good not in str(seen)
        assert seen.get("query_string", seen.get("QUERY_STRING")) in ("a=1&b=2%20x", b"a=1&b=2%20x")


@pytest.mark.parametrize("protocol", ASK)
def test_a_secret_that_can_be_guessed_is_refused_at_start_up(protocol) -> None:
    with pytest.raises(UsageError, match="has 6 characters, it needs 32"):
        wrapped(Application(), protocol, secret="secret")


@pytest.mark.parametrize("protocol", ASK)
def test_the_path_cannot_write_into_the_page(protocol) -> None:
    app = wrapped(Application(), protocol, debug=True)
    path = "/<script>alert(1)</script>'\"&"
    answered = ASK[protocol](app, "profile=1", path=path)
    assert "alert(1)<" not in answered.text
    assert "<script>alert" not in answered.text
    assert answered.header("content-security-policy").startswith("default-src 'none'")


def test_a_name_cannot_write_into_the_page() -> None:
    evil = "</script><script>alert(1)</script><!--<script>"
    stack = (Place(evil, f"/{evil}.py", 1, 1), Place("<lambda>", "<string>", 1, 1))
    samples = (Sample(evil, stack, False, 0.5),)
    page = _page.page(Profile("GET", "/", 200, 0.0, 1.0, 1.0, 2, samples))
    shown = unescape(re.search(r'srcdoc="([^"]*)"', page)[1])
    for text, scripts in ((page, 1), (shown, 2)):
        assert "<script>alert" not in text
        assert "<!--<script>" not in text
        assert text.lower().count("</script") == scripts
    assert "<lambda>" in shown


@pytest.mark.parametrize("protocol", ASK)
@pytest.mark.parametrize(
    "name", ["CDN-Cache-Control", "Surrogate-Control", "X-Accel-Expires", "Expires"]
)
def test_no_proxy_is_told_to_keep_a_profile_for_others(protocol, name) -> None:
    application = Application(200, [(name, "600"), ("Cache-Control", "public")])
    answered = ASK[protocol](wrapped(application, protocol, debug=True), "profile=text")
    assert answered.header("cache-control") == "no-store"
    assert answered.header(name) == ""


@pytest.mark.parametrize("path", ["/\udcff", "/日本", "/\xff\xfe"])
@pytest.mark.parametrize("protocol", ASK)
def test_no_path_is_too_odd(protocol, path) -> None:
    if protocol == "asgi" and "\udcff" in path:
        pytest.skip("no server decodes a path to this")
    for settings in ({"secret": SECRET}, {"debug": True}):
        answered = ASK[protocol](
            wrapped(Application(), protocol, **settings), "profile=text", path=path
        )
        assert answered.status == 200
        assert answered.error is None
