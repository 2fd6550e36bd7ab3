"""Asks a running application through its own port; the recorder answers, not the application."""

import http.client
import json

import msgspec

from unslow.lab.target._commands import HOST

PREFIX = "/__unslow__/"
HEADER = "X-Unslow-Control"


class _Failure(msgspec.Struct):
    error: str = ""


class Refused(Exception):
    """The recorder answered with an error; the message says which."""


class Unanswered(Exception):
    """The application answered instead of the recorder."""


def ask(
    port: int, token: str, verb: str, body: dict[str, str] | None = None, *, timeout: float
) -> bytes:
    """The JSON answer to a control request.

    Raises OSError or http.client.HTTPException when nobody answers, Refused or Unanswered.
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        headers = {HEADER: token, "Connection": "close", "Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        connection.request("GET" if data is None else "POST", PREFIX + verb, data, headers)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    if response.status == 200 and content[:1] == b"{":
        return content
    try:
        failure = msgspec.json.decode(content, type=_Failure).error
    except msgspec.DecodeError:
        failure = ""
    if failure:
        raise Refused(failure)
    raise Unanswered(f"status {response.status}")
