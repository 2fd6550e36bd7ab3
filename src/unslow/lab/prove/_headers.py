"""The headers of a response as values: redirects and cookies in their parts."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from unslow.lab.prove import _kinds
from unslow.lab.prove._json import Value

Headers = dict[str, Value]

# Headers of the connection, of the server, of the clock, and of one request alone.
IGNORED = frozenset(
    {
        "age",
        "alt-svc",
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "server",
        "server-timing",
        "set-cookie",
        "transfer-encoding",
        "via",
        "x-powered-by",
        "x-process-time",
        "x-response-time",
        "x-runtime",
    }
)
_ADDRESSES = frozenset({"location", "content-location"})
_ATTRIBUTES = frozenset({"path", "domain", "samesite", "secure", "httponly", "partitioned"})


def compared(headers: Iterable[tuple[str, str]], address: str) -> Headers:
    """By lower-case name. The server's own `address` becomes `HOST`, wherever it stands."""
    found: Headers = {}
    cookies: Headers = {}
    for given, text in headers:
        name, value = given.lower(), text.replace(address, "HOST")
        if name == "set-cookie":
            cookie, said = _cookie(value)
            cookies[cookie] = said
        elif name in _ADDRESSES:
            found[name] = _address(value)
        elif name not in IGNORED:
            already = found.get(name)
            found[name] = f"{already}, {value}" if isinstance(already, str) else value
    if cookies:
        found["set-cookie"] = cookies
    return found


def _address(text: str) -> Value:
    """A redirect's target; with its query in parts, where it has one."""
    parts = urlsplit(text)
    if not parts.query and not _has_token(parts.path):
        return text
    where = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
    path: Value = where + parts.path
    if _has_token(parts.path):
        path = [where, *parts.path.split("/")[1:]]
    said: dict[str, Value] = {"path": path}
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        said[key] = value
    if parts.fragment:
        said["#"] = parts.fragment
    return said


def _has_token(path: str) -> bool:
    return any(_kinds.blank(part) != part for part in path.split("/"))


def _cookie(text: str) -> tuple[str, Value]:
    first, *rest = text.split(";")
    name, _, value = first.strip().partition("=")
    said: dict[str, Value] = {"value": value.strip('"')}
    for part in rest:
        attribute, _, content = part.strip().partition("=")
        attribute = attribute.lower()
        if attribute in _ATTRIBUTES:
            said[attribute] = content.lower() if attribute == "samesite" else content or True
        elif attribute == "max-age":
            said[attribute] = int(content) if re.fullmatch(r"-?\d+", content) else content
        elif attribute == "expires":
            said[attribute] = _lasts(content)
    return name, said


def _lasts(expires: str) -> str:
    """Whether a cookie is kept or taken back; the moment itself follows the clock."""
    moment = _kinds.moment(expires)
    if moment is None:
        return expires
    return "past" if moment < datetime.now(UTC) else "future"
