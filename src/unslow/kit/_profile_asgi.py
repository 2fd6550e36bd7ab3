"""Profiles a request of an ASGI application, and answers it with the profile."""

import sys
from collections.abc import Awaitable, MutableMapping
from typing import Any

from unslow.kit import profiling
from unslow.kit._watch import Watch
from unslow.kit.profiling import ANSWER_HEADER, Asked, Gate
from unslow.observe._boundary import ASGI, Receive, Scope, Send

_TOKEN_NAME = profiling.TOKEN_HEADER.lower().encode()
_START = "http.response.start"
_BODY = "http.response.body"
_WITHOUT_THE_APPLICATION = ("http.response.pathsend", "http.response.zerocopysend")
Message = MutableMapping[str, Any]


class Profiled:
    """An ASGI application that gives profiles to those who may see them."""

    def __init__(self, app: ASGI, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        asked = _asked(scope) if scope["type"] == "http" else None
        if asked is None or not self._gate.opens(
            asked, scope["path"], lambda: self._is_debug(scope)
        ):
            return self._app(scope, receive, send)
        return _serve(self._app, _without(scope, asked), receive, send, asked)

    def _is_debug(self, scope: Scope) -> bool:
        return profiling.is_debug(self._app) or profiling.is_debug(scope.get("app"))


def _asked(scope: Scope) -> Asked | None:
    query = scope.get("query_string", b"").decode("latin-1")
    if profiling.PARAMETER not in query:
        return None
    tokens = [value for name, value in scope["headers"] if name == _TOKEN_NAME]
    return profiling.asked(query, tokens[0].decode("latin-1") if tokens else "")


def _without(scope: Scope, asked: Asked) -> Scope:
    """The request as it is without the wish for a profile, for the server's log too."""
    profiling.hide(asked.query)
    scope["query_string"] = asked.query.encode("latin-1")
    scope["headers"] = [pair for pair in scope["headers"] if pair[0] != _TOKEN_NAME]
    return scope


async def _serve(app: ASGI, scope: Scope, receive: Receive, send: Send, asked: Asked) -> None:
    watch = Watch(sys._getframe())
    watch.start()
    exchange = _Exchange(scope, send, asked, watch)
    try:
        await app(scope, receive, exchange.send)
    except Exception:
        await exchange.fail()
        raise
    finally:
        watch.stop()
    await exchange.give_up()


class _Exchange:
    """Holds the start of the response back until it is known what becomes of it."""

    def __init__(self, scope: Scope, send: Send, asked: Asked, watch: Watch) -> None:
        self._scope = scope
        self._send = send
        self._asked = asked
        self._watch = watch
        self._start: Message | None = None
        self._is_passed_on = False  # what is sent goes to the client as it is
        self._is_answered = False

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if self._is_passed_on:
            await self._send(message)
        elif kind == _START:
            self._start = message
        elif self._start is not None and kind in (_BODY, *_WITHOUT_THE_APPLICATION):
            await self._content(message)
        elif not self._is_answered:
            await self._send(message)

    async def fail(self) -> None:
        """The application has raised; it says so to the server itself, after the answer."""
        if not self._is_answered and not self._is_passed_on:
            self._start = {"type": _START, "status": 500, "headers": []}
            await self._answer(self._start)

    async def give_up(self) -> None:
        """The application has ended without a body: let the server see what it sees then."""
        if self._start is not None and not self._is_answered and not self._is_passed_on:
            await self._send(self._start)

    async def _content(self, message: Message) -> None:
        if self._start is None or self._is_answered:
            return
        reason = profiling.refusal(self._start["status"], streamed=self._is_streamed(message))
        if reason:
            self._is_passed_on = True
            self._watch.stop()
            named = (ANSWER_HEADER.lower().encode(), reason.encode())
            await self._send({**self._start, "headers": [*self._start.get("headers", ()), named]})
            await self._send(message)
        elif not message.get("more_body", False):
            await self._answer(self._start)

    def _is_streamed(self, message: Message) -> bool:
        if self._start is None or message["type"] != _BODY or self._start.get("trailers"):
            return True
        names = {name.lower() for name, _ in self._start.get("headers", ())}
        return bool(message.get("more_body", False)) and b"content-length" not in names

    async def _answer(self, start: Message) -> None:
        self._is_answered = True
        method, path = self._scope["method"], self._scope["path"]
        answer = profiling.answer(self._watch, self._asked.kind, method, path, start["status"])
        given = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in start.get("headers", ())]
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in answer.headers(given)
        ]
        await self._send({**start, "headers": headers})
        await self._send({"type": _BODY, "body": b"" if method == "HEAD" else answer.body})
