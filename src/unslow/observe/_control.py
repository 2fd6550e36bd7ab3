"""Answers unslow's own requests, which never reach the application."""

import hmac
import json
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NamedTuple

from unslow.observe import _describe, _integrations, _redirect, _wire

PREFIX = "/__unslow__/"
HEADER = "x-unslow-control"

_MAX_BODY_BYTES = 1 << 20


class Reply(NamedTuple):
    """The answer to a control request."""

    status: int
    body: bytes

    @property
    def status_line(self) -> str:
        return f"{self.status} {'OK' if self.status == 200 else 'Error'}"

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [("Content-Type", "application/json"), ("Content-Length", str(len(self.body)))]

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        return [(name.lower().encode(), value.encode()) for name, value in self.headers]


def for_wsgi(environ: Mapping[str, Any]) -> Reply | None:
    """The answer, or None if the request is not unslow's."""
    if not _authorised(environ.get("HTTP_X_UNSLOW_CONTROL", "")):
        return None
    length = min(int(environ.get("CONTENT_LENGTH") or 0), _MAX_BODY_BYTES)
    body = environ["wsgi.input"].read(length) if length else b""
    return _answer(environ["REQUEST_METHOD"], environ["PATH_INFO"], body)


async def for_asgi(
    scope: Mapping[str, Any], receive: Callable[[], Awaitable[MutableMapping[str, Any]]]
) -> Reply | None:
    """The answer, or None if the request is not unslow's. Works in a thread of its own."""
    headers = {bytes(name).lower(): value for name, value in scope["headers"]}
    if not _authorised(headers.get(HEADER.encode(), b"").decode("latin-1")):
        return None
    body = b""
    while len(body) <= _MAX_BODY_BYTES:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    import asyncio

    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, _answer, scope["method"], scope["path"], body)


def _authorised(token: str) -> bool:
    """Whether the lab asks, of a clone: on the user's own database nobody is logged in."""
    if not _redirect.is_wanted():
        return False
    expected = os.environ.get("UNSLOW_TOKEN", "")
    return bool(expected) and hmac.compare_digest(token.encode(), expected.encode())


def _answer(method: str, path: str, body: bytes) -> Reply:
    action = _ACTIONS.get((method, path.partition(PREFIX)[2].strip("/")))
    if action is None:
        return _reply(404, {"error": f"unslow has no {method} {path}"})
    try:
        return _reply(200, action(json.loads(body) if body else {}))
    except Exception as problem:  # noqa: BLE001
        _wire.error(problem)
        return _reply(500, {"error": f"{type(problem).__name__}: {problem}"})


def _reply(status: int, content: Mapping[str, Any]) -> Reply:
    return Reply(status, json.dumps(content, default=str).encode())


def _ping(content: Mapping[str, Any]) -> dict[str, Any]:
    return {"pid": os.getpid()}


def _describe_all(content: Mapping[str, Any]) -> dict[str, Any]:
    return _describe.describe()


def _login(content: Mapping[str, Any]) -> dict[str, Any]:
    for integration in _integrations.integrations():
        login = getattr(integration, "login", None)
        headers = login(content["user"]) if login is not None else None
        if headers:
            return {"headers": headers}
    raise LookupError("no integration can log a user in; pass a header or a cookie")


def _users(content: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, str] = {}
    for integration in _integrations.integrations():
        users = getattr(integration, "users", None)
        found.update(users() if users is not None else {})
    return {"users": found}


_ACTIONS: dict[tuple[str, str], Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    ("GET", "ping"): _ping,
    ("GET", "describe"): _describe_all,
    ("GET", "users"): _users,
    ("POST", "login"): _login,
}
