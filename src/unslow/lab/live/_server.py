"""Serves the page to this machine alone: by a secret address, under no other name."""

import hmac
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files

import msgspec

from unslow.errors import UsageError
from unslow.lab.live._analysis import Analysis
from unslow.lab.live._seen import Seen
from unslow.lab.live._told import Teller

HOST = "127.0.0.1"
KEEP_ALIVE_S = 15.0  # a page that was closed is noticed by then
FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
    "live.css": ("live.css", "text/css; charset=utf-8"),
    "live.js": ("live.js", "text/javascript; charset=utf-8"),
}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Page:
    """The page's server; `url` is the only address that it answers at."""

    def __init__(self, port: int, seen: Seen, analysis: Analysis, teller: Teller) -> None:
        self.token = secrets.token_urlsafe(16)
        self._seen = seen
        self._analysis = analysis
        self._teller = teller
        self._server = _bound(port, self._handler())
        self.port = int(self._server.server_address[1])
        self.url = f"http://{HOST}:{self.port}/{self.token}/"

    def start(self) -> None:
        threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="unslow-page", daemon=True
        ).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, name: str) -> tuple[int, str, bytes]:
        """Status, type and content of what the page asks for."""
        kind, _, id = name.partition("/")
        if name in FILES:
            file, content_type = FILES[name]
            return 200, content_type, _file(file)
        if kind == "request" and (kept := self._seen.request(id)):
            return _json(self._teller.detail(kept.request, kept.at))
        if kind == "finding" and (found := self._analysis.suggestions(id)) is not None:
            return _json(found)
        return 404, "text/plain; charset=utf-8", b"unslow live has nothing here\n"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        page = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            server_version = "unslow"
            sys_version = ""

            def do_GET(self) -> None:
                name = self._name()
                if name is None:
                    self._send(403, "text/plain; charset=utf-8", b"not for you\n")
                elif name == "events":
                    self._stream()
                else:
                    self._send(*page.answer(name))

            def do_POST(self) -> None:
                name = self._name()
                self.close_connection = True
                if name == "forget":
                    page._seen.forget()
                    self._send(200, "application/json", b"{}")
                else:
                    self._send(403, "text/plain; charset=utf-8", b"not for you\n")

            def _name(self) -> str | None:
                """What is asked for below the secret; None to whoever does not know it."""
                host = self.headers.get("Host", "")
                if host not in (f"{HOST}:{page.port}", f"localhost:{page.port}"):
                    return None  # another name that leads here: DNS rebinding
                token, _, name = self.path.partition("?")[0].lstrip("/").partition("/")
                known = hmac.compare_digest(token.encode(), page.token.encode())
                return name if known and self.path.startswith(f"/{token}/") else None

            def _send(self, status: int, content_type: str, body: bytes) -> None:
                self.send_response(status)
                self._common(content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _stream(self) -> None:
                self.close_connection = True
                self.send_response(200)
                self._common("text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                for events in page._seen.follow(KEEP_ALIVE_S):
                    self.wfile.write(events or b": \n\n")
                    self.wfile.flush()

            def _common(self, content_type: str) -> None:
                self.send_header("Content-Type", content_type)
                for header, value in HEADERS.items():
                    self.send_header(header, value)

            def log_message(self, format: str, *args: object) -> None:
                return

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        return  # a browser that went away


def _bound(port: int, handler: Callable[..., BaseHTTPRequestHandler]) -> _Server:
    try:
        return _Server((HOST, port), handler)
    except OSError as error:
        raise UsageError(
            f"The page cannot listen on {HOST}:{port}: {error.strerror}. "
            "Choose another --port, or leave it out for a free one."
        ) from error


def _file(name: str) -> bytes:
    return files("unslow.lab.live").joinpath("page", name).read_bytes()


def _json(what: object) -> tuple[int, str, bytes]:
    return 200, "application/json", msgspec.json.encode(what)
