"""The answer with a profile: refused where it would break the response, else like the response."""

import json
import logging
import re
import threading
import time

import pytest

from tests.kit.ground.test_embedded import run
from tests.kit.profile.exchange import ASK, Answered, Application, wrapped
from unslow.kit import _call_tree

PROTOCOLS = pytest.mark.parametrize("protocol", ASK)


def profiled(application: Application, protocol: str, query="profile=text", **asked) -> Answered:
    return ASK[protocol](wrapped(application, protocol, debug=True), query, **asked)


def burn(seconds: float = 0.03) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(100))


@PROTOCOLS
def test_a_streamed_response_is_passed_on_and_says_so(protocol, caplog) -> None:
    application = Application(202, [("Set-Cookie", "a=1")], (b"one", b"two"), streams=True)
    answered = profiled(application, protocol)
    assert (answered.status, answered.body) == (202, b"onetwo")
    assert ("x-unslow-profile", "refused: the response is streamed") in answered.headers
    assert ("set-cookie", "a=1") in answered.headers
    assert "no profile: the response is streamed" in caplog.text


@PROTOCOLS
@pytest.mark.parametrize("status", [204, 304])
def test_a_response_without_a_body_keeps_none(protocol, status) -> None:
    answered = profiled(Application(status, [("ETag", '"x"')], ()), protocol)
    assert (answered.status, answered.body, answered.header("etag")) == (status, b"", '"x"')
    assert "has no body" in answered.header("x-unslow-profile")


def test_a_file_that_the_server_sends_is_passed_on() -> None:
    class FileWrapper(list):
        pass

    def application(environ, start_response):
        environ["wsgi.file_wrapper"] = FileWrapper
        start_response("200 OK", [("Content-Length", "4")])
        return FileWrapper([b"file"])

    from unslow.kit import wsgi

    answered = ASK["wsgi"](wsgi.Middleware(application, debug=True), "profile=1")
    assert answered.body == b"file"
    assert "refused" in answered.header("x-unslow-profile")


@PROTOCOLS
def test_the_view_runs_once_and_its_response_is_kept_but_for_the_content(protocol) -> None:
    application = Application(
        418,
        [
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
            ("X-Own", "kept"),
            ("Vary", "Cookie"),
            ("Content-Type", "application/json"),
            ("Content-Encoding", "gzip"),
            ("Content-Security-Policy", "default-src 'self'"),
            ("ETag", '"x"'),
            ("Cache-Control", "public"),
        ],
        (b"{", b"}"),
    )
    answered = profiled(application, protocol)
    assert len(application.asked) == 1
    assert answered.status == 418
    assert [pair for pair in answered.headers if pair[0] == "set-cookie"] == [
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ]
    assert (answered.header("x-own"), answered.header("vary")) == ("kept", "Cookie")
    names = [name for name, _ in answered.headers]
    assert "content-encoding" not in names
    assert "etag" not in names
    assert names.count("content-type") == names.count("content-security-policy") == 1
    assert answered.header("cache-control") == "no-store"
    assert answered.header("content-length") == str(len(answered.body))
    assert answered.text.startswith("GET /shelf answered 418 in ")


def test_a_response_that_a_django_view_keeps_is_not_the_profile_afterwards(tmp_path) -> None:
    profile, etag, after, kept = run(
        tmp_path,
        """
from django.conf import settings
settings.configure(DEBUG=True, ROOT_URLCONF=__name__, SECRET_KEY="s", ALLOWED_HOSTS=["*"],
    MIDDLEWARE=["unslow.kit.django.Middleware"])
import django
django.setup()
from django.http import HttpResponse
from django.test import Client
from django.urls import path
SAME = HttpResponse("plain", headers={"ETag": "x"})
SAME.set_cookie("a", "1")
urlpatterns = [path("", lambda request: SAME)]
profiled = Client().get("/?profile=text")
assert profiled.cookies["a"].value == "1"
after = Client().get("/")
print(json.dumps([profiled.content.decode(), profiled.headers.get("ETag"),
    after.content.decode(), after.headers.get("ETag")]))
""",
    )
    assert profile.startswith("GET / answered 200 in ")
    assert (etag, after, kept) == (None, "plain", "x")


@PROTOCOLS
def test_a_head_request_gets_the_headers_alone(protocol) -> None:
    answered = profiled(Application(chunks=()), protocol, method="HEAD")
    assert answered.body == b""
    assert int(answered.header("content-length")) > 100


@PROTOCOLS
def test_a_view_that_raises_gives_its_profile_with_status_500(protocol, caplog) -> None:
    error = LookupError("no such thing")
    answered = profiled(Application(error=error, work=burn), protocol)
    assert answered.status == 500
    assert "answered 500" in answered.text
    assert "burn" in answered.text
    if protocol == "asgi":
        assert answered.error is error  # the server logs it
    else:
        assert "no such thing" in caplog.text


@PROTOCOLS
def test_the_functions_that_took_most_come_first(protocol) -> None:
    text = profiled(Application(work=burn), protocol).text
    assert re.search(r"(?m)^ +[\d.]+ +[\d.]+ .* burn  .*test_answer\.py:\d+$", text)
    assert "unslow/kit" not in text
    assert "pytest" not in text


@PROTOCOLS
def test_a_thread_that_the_request_starts_is_in_and_another_is_not(protocol) -> None:
    over = threading.Event()

    def beside() -> None:
        while not over.is_set():
            sum(range(100))

    def own() -> None:
        burn(0.03)

    def work() -> None:
        thread = threading.Thread(target=own, name="own-thread")
        thread.start()
        thread.join()

    neighbour = threading.Thread(target=beside)
    neighbour.start()
    try:
        text = profiled(Application(work=work), protocol).text
    finally:
        over.set()
        neighbour.join()
    assert "own-thread" in text
    assert "own  " in text
    assert "beside" not in text


@PROTOCOLS
def test_the_page_has_a_flame_graph_a_call_tree_and_the_table_and_needs_no_network(
    protocol,
) -> None:
    answered = profiled(Application(work=burn), protocol, "profile=1")
    page = answered.text
    assert answered.header("content-type") == "text/html; charset=utf-8"
    assert 'class="flame"' in page
    assert 'title="burn: ' in page
    assert "pyinstrumentHTMLRenderer" in page
    assert "total ms" in page
    addresses = set(re.findall(r"https?://[^\s\"'&<)]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "https://github.com/joerick/pyinstrument"}
    tree = json.loads(re.search(r'"frame_tree": (.*)\};', page.replace("&quot;", '"'))[1])
    assert "burn" in json.dumps(tree)


@PROTOCOLS
def test_without_pyinstrument_the_page_says_how_to_get_it_and_the_text_is_whole(
    protocol, monkeypatch, caplog
) -> None:
    monkeypatch.setattr(_call_tree, "find_spec", lambda name: None)
    with caplog.at_level(logging.WARNING, "unslow"):
        page = profiled(Application(work=burn), protocol, "profile=1").text
    assert "pip install &#x27;unslow[profile]&#x27;" in page
    assert 'title="burn: ' in page
    assert "pip install 'unslow[profile]'" in caplog.text
    assert "burn" in profiled(Application(work=burn), protocol).text


def test_nothing_is_said_of_pyinstrument_where_profiles_are_not_asked_for(
    monkeypatch, caplog
) -> None:
    monkeypatch.setattr(_call_tree, "find_spec", lambda name: None)
    wrapped(Application(), "wsgi")
    assert caplog.text == ""
