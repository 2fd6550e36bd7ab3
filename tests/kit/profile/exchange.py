"""Sends requests to WSGI and ASGI applications in this process, and keeps what they answer."""

import asyncio
import io
import sys
from dataclasses import dataclass, field
from typing import Any

from unslow.kit import asgi, wsgi

NO_BODY = io.BytesIO()
SECRET = "a secret of tests that nobody else has"
Headers = list[tuple[str, str]]


@dataclass
class Answered:
    """A response as a server sees it."""

    status: int = 0
    headers: Headers = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    error: BaseException | None = None

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def text(self) -> str:
        return self.body.decode()

    def header(self, name: str) -> str:
        return dict(self.headers).get(name.lower(), "")


@dataclass
class Application:
    """What a test's application answers, for both protocols, with what it was asked."""

    status: int = 200
    headers: Headers = field(default_factory=list)
    chunks: tuple[bytes, ...] = (b"plain",)
    streams: bool = False
    work: Any = None
    error: Exception | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    def _headers(self) -> Headers:
        length = [("Content-Length", str(sum(map(len, self.chunks))))]
        return [*self.headers, *([] if self.streams else length)]

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.asked.append(dict(environ))
        if self.work:
            self.work()
        if self.error:
            raise self.error
        start_response(f"{self.status} Said", self._headers())
        return iter(self.chunks)

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(dict(scope))
        if self.work:
            self.work()
        if self.error:
            raise self.error
        raw = [(name.lower().encode(), value.encode()) for name, value in self._headers()]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        for chunk in self.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def ask_wsgi(
    app: Any, query: str = "", method: str = "GET", path: str = "/shelf", **headers: str
) -> Answered:
    """Serve one request as a WSGI server does."""
    answered = Answered()

    def start_response(status: str, given: Headers, exc_info: Any = None) -> Any:
        answered.status = int(status[:3])
        answered.headers = [(name.lower(), value) for name, value in given]
        return answered.chunks.append

    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "RAW_URI": path + (f"?{query}" if query else ""),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.input": NO_BODY,
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    body: Any = ()
    try:
        body = app(environ, start_response)
        answered.chunks += [chunk for chunk in body if chunk]
    except Exception as error:  # noqa: BLE001
        answered.error = error
    finally:
        getattr(body, "close", lambda: None)()
    return answered


def ask_asgi(
    app: Any, query: str = "", method: str = "GET", path: str = "/shelf", **headers: str
) -> Answered:
    """Serve one request as an ASGI server does."""
    answered = Answered()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answered.status = message["status"]
            answered.headers = [(n.decode(), v.decode()) for n, v in message["headers"]]
        elif message["body"]:
            answered.chunks.append(message["body"])

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [
            (name.replace("_", "-").lower().encode(), value.encode())
            for name, value in headers.items()
        ],
    }
    try:
        asyncio.run(app(scope, receive, send))
    except Exception as error:  # noqa: BLE001
        answered.error = error
    return answered


ASK = {"wsgi": ask_wsgi, "asgi": ask_asgi}


def wrapped(application: Application, protocol: str, **settings: Any) -> Any:
    """The application in the middleware of its protocol."""
    middleware = {"wsgi": wsgi.Middleware, "asgi": asgi.Middleware}[protocol]
    return middleware(getattr(application, protocol), **settings)
