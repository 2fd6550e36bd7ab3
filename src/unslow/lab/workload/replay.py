"""Reads recorded traffic: an access log, a HAR file, or JSON Lines."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from unslow.errors import UsageError
from unslow.lab.workload._call import Call

MAX_CALLS = 5000  # distinct requests of a recording that are replayed
_LOG_LINE = re.compile(r'"(?P<method>[A-Z]+) (?P<target>\S+) HTTP/[\d.]+"')
_HOP_HEADERS = frozenset(
    {"host", "connection", "content-length", "accept-encoding", "transfer-encoding", "keep-alive"}
)


class _Line(msgspec.Struct):
    path: str
    method: str = "GET"
    headers: dict[str, str] = {}
    body: str | None = None
    encoding: str = ""
    weight: float = 1.0
    status: int = 0


class _Pair(msgspec.Struct):
    name: str
    value: str


class _PostData(msgspec.Struct):
    text: str = ""
    encoding: str = ""


class _HarRequest(msgspec.Struct, rename={"post_data": "postData"}):
    method: str
    url: str
    headers: list[_Pair] = []
    post_data: _PostData | None = None


class _HarEntry(msgspec.Struct):
    request: _HarRequest


class _HarLog(msgspec.Struct):
    entries: list[_HarEntry]


class _Har(msgspec.Struct):
    log: _HarLog


def read(path: Path) -> tuple[Call, ...]:
    """The distinct requests of a recording, each weighted by how often it was seen.

    JSON Lines have one object per request: `{"path": "/orders/?page=2"}` with optional `method`,
    `headers`, `body` (`encoding` may be "base64"), `weight` and `status`, with which it must be
    answered. The `endpoint` of the calls is
    empty until a request tells its route.
    Raises `UsageError` when the file cannot be read or holds no request.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; give an existing recording") from error
    try:
        calls = tuple(_weighted(_parse(text)))
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: not a recording that unslow reads: {error}") from error
    if not calls:
        raise UsageError(
            f"{path}: no request found; unslow reads access logs in common or combined format, "
            "HAR files, and JSON Lines with a path each"
        )
    return calls


def _parse(text: str) -> Iterable[Call]:
    start = text.lstrip()
    if not start.startswith("{"):
        return _log(text)
    first = start.splitlines()[0]
    try:
        is_line = "path" in json.loads(first)
    except json.JSONDecodeError:
        is_line = False
    return _lines(text) if is_line else _har(text)


def _log(text: str) -> Iterator[Call]:
    for match in _LOG_LINE.finditer(text):
        yield Call(match["method"], match["target"], "")


def _lines(text: str) -> Iterator[Call]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                one = msgspec.json.decode(line, type=_Line)
            except msgspec.DecodeError as error:
                raise msgspec.ValidationError(f"line {number}: {error}") from error
            body = None if one.body is None else _decoded(one.body, one.encoding)
            yield Call(one.method.upper(), one.path, "", one.headers, body, one.weight, one.status)


def _har(text: str) -> Iterator[Call]:
    for entry in msgspec.json.decode(text, type=_Har).log.entries:
        request, url = entry.request, urlsplit(entry.request.url)
        headers = {
            pair.name: pair.value
            for pair in request.headers
            if pair.name.lower() not in _HOP_HEADERS and not pair.name.startswith(":")
        }
        target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        yield Call(request.method.upper(), target, "", headers, _har_body(request))


def _har_body(request: _HarRequest) -> bytes | None:
    if request.post_data is None:
        return None
    return _decoded(request.post_data.text, request.post_data.encoding)


def _decoded(text: str, encoding: str) -> bytes:
    if encoding != "base64":
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise msgspec.ValidationError(f"a body is no base64: {error}") from error


def _weighted(calls: Iterable[Call]) -> Iterator[Call]:
    counted: dict[tuple[str, str, bytes | None], float] = {}
    first: dict[tuple[str, str, bytes | None], Call] = {}
    for call in calls:
        key = (call.method, call.path, call.body)
        counted[key] = counted.get(key, 0.0) + max(call.weight, 0.0)
        first.setdefault(key, call)
    for key in sorted(counted, key=lambda one: -counted[one])[:MAX_CALLS]:
        yield msgspec.structs.replace(first[key], weight=counted[key])
