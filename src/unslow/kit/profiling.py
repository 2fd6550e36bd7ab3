"""Answers `?profile=1` with a profile of the request, to those who may see it.

May see it: everyone in debug mode, and whoever has a token of `unslow token`. A request of anyone
else goes through as it is.
"""

import logging
import os
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Literal, NamedTuple, cast
from urllib.parse import quote

from unslow.kit import _call_tree, _page, _profile, _token
from unslow.kit._settings import Settings
from unslow.kit._watch import Watch
from unslow.observe import _boundary, _record

Kind = Literal["1", "text"]
Headers = list[tuple[str, str]]

PARAMETER = "profile"
TOKEN_PARAMETER = "profile_token"
TOKEN_HEADER = "X-Unslow-Token"
TOKEN_KEY = "HTTP_X_UNSLOW_TOKEN"  # in WSGI's environment
ANSWER_HEADER = "X-Unslow-Profile"
SECRET_VARIABLE = "UNSLOW_SECRET"
_OF_THE_CONTENT = frozenset(
    (
        "accept-ranges",
        "digest",
        "etag",
        "expires",
        "last-modified",
        "referrer-policy",
        "repr-digest",
        "surrogate-control",
        "transfer-encoding",
        "x-accel-expires",
    )
)

logger = logging.getLogger("unslow")


class Gate(NamedTuple):
    """Who may see profiles: all in debug mode, else those with a token of this secret."""

    debug: bool | None  # None: ask the framework
    secret: str

    @property
    def is_shut(self) -> bool:
        return self.debug is False and not self.secret

    def opens(self, asked: "Asked", path: str, is_debug: Callable[[], bool]) -> bool:
        allowed = is_debug() if self.debug is None else self.debug
        return allowed or _token.allows(asked.token, self.secret, path)


class Asked(NamedTuple):
    """What the query of a request asks for, and the query without it."""

    kind: Kind
    token: str
    query: str


def gate(settings: Settings) -> Gate:
    """Who may see profiles by these settings; warns at start-up of what is missing for it.

    Raises `UsageError` for a secret that could be guessed.
    """
    secret = settings.secret or os.environ.get(SECRET_VARIABLE, "")
    if secret:
        _token.check_secret(secret)
    if (secret or settings.debug) and not _call_tree.is_there():
        logger.warning("profiles have no call tree without pyinstrument: %s", _call_tree.INSTALL)
    if settings.continuous is not None:
        _go_on(begin=settings.continuous)
    return Gate(settings.debug, secret)


def _go_on(*, begin: bool) -> None:
    """Be ready for a profile of the whole process, or begin it."""
    from unslow.kit import _profile_socket, continuous

    _profile_socket.listen()
    if begin and not continuous.is_on():
        continuous.on()


def asked(query: str, token: str) -> Asked | None:
    """The profile that a query asks for; None if it asks for none. A header's token goes first."""
    if PARAMETER not in query:
        return None
    kind: Kind | None = None
    rest = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name == PARAMETER and value in ("1", "text"):
            kind = cast(Kind, value)
        elif name == TOKEN_PARAMETER:
            token = token or value
        else:
            rest.append(part)
    return None if kind is None else Asked(kind, token, "&".join(rest))


class Answer(NamedTuple):
    """The body that takes the place of the response's, and its type."""

    body: bytes
    content_type: str

    def headers(self, given: Iterable[tuple[str, str]]) -> Headers:
        """The response's own headers, but for those that speak of its content."""
        return [
            *((name, value) for name, value in given if not is_of_the_content(name)),
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(self.body))),
            ("Content-Security-Policy", _page.POLICY),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
        ]


def is_of_the_content(name: str) -> bool:
    """Also of how long a cache keeps it: proxies heed their own header before `Cache-Control`."""
    plain = name.lower()
    return (
        plain.startswith("content-")
        or plain.endswith("cache-control")  # CDN-Cache-Control of RFC 9213, and vendors' own
        or plain in _OF_THE_CONTENT
    )


def answer(watch: Watch, kind: Kind, method: str, path: str, status: int) -> Answer:
    """End the watch, and show what it saw."""
    watch.stop()
    profile = watch.profile(method, quote(path, errors="replace"), status)
    if kind == "text":
        return Answer(_profile.text(profile).encode(), "text/plain; charset=utf-8")
    return Answer(_page.page(profile).encode(), "text/html; charset=utf-8")


def refusal(status: int, *, streamed: bool) -> str:
    """Why this response cannot carry a profile; "" if it can."""
    if streamed:
        reason = "the response is streamed"
    elif status < HTTPStatus.OK or status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        reason = f"a response with status {status} has no body"
    else:
        return ""
    logger.warning("no profile: %s", reason)
    return f"refused: {reason}"


def strip(environ: dict[str, Any], query: str) -> None:
    """Take the wish for a profile out of WSGI's environment, which servers log from as well."""
    environ["QUERY_STRING"] = query
    environ.pop(TOKEN_KEY, None)
    for name in ("RAW_URI", "REQUEST_URI"):
        if name in environ:
            environ[name] = _with_query(environ[name], query)


def _with_query(address: str, query: str) -> str:
    path = address.partition("?")[0]
    return f"{path}?{query}" if query else path


def hide(query: str) -> None:
    """Keep the token out of what the recorder tells of this request."""
    record = _record.current()
    if record is not None:
        record.path = _with_query(record.path, query)


def is_debug(app: Any) -> bool:
    """Whether the application, or the one that this method belongs to, is in debug mode."""
    owner = getattr(app, "__self__", app)
    return getattr(app, "debug", False) is True or getattr(owner, "debug", False) is True


def wsgi(app: _boundary.WSGI, settings: Settings) -> _boundary.WSGI:
    """The application, with profiles for those who may see them."""
    from unslow.kit import _profile_wsgi

    entrance = gate(settings)
    return app if entrance.is_shut else _profile_wsgi.Profiled(app, entrance)


def asgi(app: _boundary.ASGI, settings: Settings) -> _boundary.ASGI:
    """The same for ASGI."""
    from unslow.kit import _profile_asgi

    entrance = gate(settings)
    return app if entrance.is_shut else _profile_asgi.Profiled(app, entrance)


def django(get_response: Callable[[Any], Any], settings: Settings) -> Callable[[Any], Any]:
    """The same for what a Django middleware calls; awaited if that is."""
    from unslow.kit import _profile_django

    entrance = gate(settings)
    return get_response if entrance.is_shut else _profile_django.profiled(get_response, entrance)
