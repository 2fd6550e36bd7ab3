import contextlib
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from tests.remote.servers import say, serving
from unslow.lab.workload import Call, Client

GET = Call("GET", "/", "GET /")
SHORT_S = 1.0


def hello(request: BaseHTTPRequestHandler) -> None:
    say(request, b'"hello"')


def drip(request: BaseHTTPRequestHandler) -> None:
    """One byte after another without end, as a stream of events does."""
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    with contextlib.suppress(OSError):
        while True:
            request.wfile.write(b"1\r\nx\r\n")
            request.wfile.flush()


def test_a_connection_is_kept_for_the_next_call() -> None:
    ports = []

    def remember(request: BaseHTTPRequestHandler) -> None:
        ports.append(request.client_address[1])
        hello(request)

    with serving(remember) as url:
        client = Client(url)
        assert [client.send(GET).body for _ in range(3)] == [b'"hello"'] * 3
        client.close()
    assert len(set(ports)) == 1


def test_a_body_that_never_ends_is_no_answer() -> None:
    with serving(drip) as url, pytest.raises(OSError, match=r"no answer within|longer than"):
        Client(url, SHORT_S).send(GET)


def test_a_server_that_is_silent_is_given_up() -> None:
    over = threading.Event()

    def hang(request: BaseHTTPRequestHandler) -> None:
        over.wait(30)

    with serving(hang) as url:
        with pytest.raises(TimeoutError, match="no answer within 1 s"):
            Client(url, SHORT_S).send(GET)
        over.set()


def test_a_call_after_a_time_out_has_all_its_time_again() -> None:
    paths: list[str] = []
    over = threading.Event()

    def hang_once(request: BaseHTTPRequestHandler) -> None:
        paths.append(request.path)
        if len(paths) == 1:
            over.wait(30)
        hello(request)

    with serving(hang_once) as url:
        client = Client(url, SHORT_S)
        with pytest.raises(TimeoutError):
            client.send(GET)
        assert client.send(GET).body == b'"hello"'
        client.close()
        over.set()


def test_a_body_that_is_cut_off_is_no_answer() -> None:
    def cut(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "100")
        request.end_headers()
        request.wfile.write(b"half")
        request.close_connection = True

    with serving(cut) as url, pytest.raises(ConnectionError):
        Client(url).send(GET)
