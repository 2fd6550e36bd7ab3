"""Turns a call into the bytes that go over the wire."""

from urllib.parse import quote

from unslow.lab.load._job import Ask
from unslow.lab.workload import Call

KEPT_IN_URLS = "%/:=&?~+!$,;'@()*[]"
SET_BY_US = frozenset({"connection", "content-length", "transfer-encoding", "accept-encoding"})


def ask(call: Call, host: str) -> Ask:
    """The request of `call`, on a connection that is kept. `host` is for the Host header."""
    headers = {"Host": host}
    headers |= {
        name.title(): _one_line(value)
        for name, value in call.headers.items()
        if name.lower() not in SET_BY_US
    }
    headers["Accept-Encoding"] = "identity"
    body = call.body or b""
    if body or call.method in ("POST", "PUT", "PATCH"):
        headers["Content-Length"] = str(len(body))
    lines = [f"{call.method} {quote(call.path, safe=KEPT_IN_URLS)} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines).encode("latin-1", "replace")
    return Ask(head + b"\r\n\r\n" + body, not call.writes, call.method == "HEAD")


def _one_line(value: str) -> str:
    return " ".join(value.splitlines())
