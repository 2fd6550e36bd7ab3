"""Responses are read whatever their framing and however they are cut."""

import pytest

from unslow.lab.load._answer import Answer

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
)
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + SIZED


@pytest.mark.parametrize("text", [SIZED, CHUNKED, EMPTY, INTERIM])
def test_incomplete_until_the_last_byte(text) -> None:
    answer = Answer()
    assert not any(answer.feed(bytes([byte])) for byte in text[:-1])
    assert answer.feed(text[-1:])
    assert answer.status in (200, 204)
    assert answer.reusable


@pytest.mark.parametrize("text", [SIZED, CHUNKED, EMPTY, INTERIM])
def test_complete_in_one_piece(text) -> None:
    assert Answer().feed(text)


def test_a_body_without_a_size_ends_with_the_connection() -> None:
    answer = Answer()
    assert not answer.feed(b"HTTP/1.1 200 OK\r\n\r\nhello")
    assert answer.closed()
    assert not answer.reusable


def test_a_cut_body_is_no_answer() -> None:
    answer = Answer()
    answer.feed(SIZED[:-1])
    assert not answer.closed()


def test_the_answer_to_head_has_no_body() -> None:
    assert Answer(has_body=False).feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")


@pytest.mark.parametrize(
    ("head", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", True),
    ],
)
def test_whether_the_connection_is_kept(head, reusable) -> None:
    answer = Answer()
    assert answer.feed(head + b"Content-Length: 0\r\n\r\n")
    assert answer.reusable is reusable


@pytest.mark.parametrize("text", [b"SSH-2.0-x\r\n\r\n", b"x" * 300_000])
def test_what_is_no_http_is_an_error(text) -> None:
    with pytest.raises(ValueError, match=r"HTTP|head"):
        Answer().feed(text)
