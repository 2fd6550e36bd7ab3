"""Profiles a request of a Django project, and answers it with the profile."""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from unslow.kit import profiling
from unslow.kit._watch import Watch
from unslow.kit.profiling import ANSWER_HEADER, TOKEN_KEY, Asked, Gate


def profiled(get_response: Callable[[Any], Any], gate: Gate) -> Callable[[Any], Any]:
    """What a middleware calls, with profiles for those who may see them."""
    from asgiref.sync import iscoroutinefunction

    if iscoroutinefunction(get_response):
        return _awaited(get_response, gate)

    def respond(request: Any) -> Any:
        asked = _asked(request, gate)
        if asked is None:
            return get_response(request)
        watch = Watch(sys._getframe())
        watch.start()
        try:
            response = get_response(request)
        finally:
            watch.stop()
        return _answer(watch, request, response, asked)

    return respond


def _awaited(
    get_response: Callable[[Any], Awaitable[Any]], gate: Gate
) -> Callable[[Any], Awaitable[Any]]:
    async def respond(request: Any) -> Any:
        asked = _asked(request, gate)
        if asked is None:
            return await get_response(request)
        watch = Watch(sys._getframe())
        watch.start()
        try:
            response = await get_response(request)
        finally:
            watch.stop()
        return _answer(watch, request, response, asked)

    return respond


def _asked(request: Any, gate: Gate) -> Asked | None:
    """The profile to give; the request is then as it is without the wish for one."""
    meta = request.META
    asked = profiling.asked(meta.get("QUERY_STRING", ""), meta.get(TOKEN_KEY, ""))
    if asked is None or not gate.opens(asked, request.path, _is_debug):
        return None
    profiling.strip(meta, asked.query)
    if hasattr(request, "scope"):  # under ASGI, where the server's log reads it
        request.scope["query_string"] = asked.query.encode("latin-1", "replace")
    for name in ("GET", "headers"):  # if somebody has read them already
        vars(request).pop(name, None)
    profiling.hide(asked.query)
    return asked


def _is_debug() -> bool:
    from django.conf import settings  # type: ignore[import-untyped]

    return bool(settings.DEBUG)


def _answer(watch: Watch, request: Any, response: Any, asked: Asked) -> Any:
    reason = profiling.refusal(response.status_code, streamed=response.streaming)
    if reason:
        response.headers[ANSWER_HEADER] = reason
        return response
    answer = profiling.answer(watch, asked.kind, request.method, request.path, response.status_code)
    shown = _copied(response)
    shown.content = b"" if request.method == "HEAD" else answer.body
    for name, value in answer.headers(list(response.headers.items())):
        shown.headers[name] = value
    return shown


def _copied(response: Any) -> Any:
    """The response without its headers: the view may give the same one to the next request."""
    shown = object.__new__(type(response))
    vars(shown).update(vars(response))
    shown.headers = type(response.headers)({})
    return shown
