"""Writes a workload for others to run: a Locust file, or a recording that unslow reads back."""

import base64
import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

import msgspec

from unslow.lab.workload._call import Call

_SECRET_HEADER = re.compile(
    r"^(proxy-)?authorization$|cookie|token|secret|session|csrf|api-?key|auth|password", re.I
)
_SECRET_FIELD = re.compile(
    r"^(password\d?|passwd|pwd|secret|token|auth|key|sid|sig|signature)$"
    r"|_(token|secret|password|key)$|^(old|new|access|api|session|csrf)[a-z_-]*"
    r"(token|key|password|id)$|^csrfmiddlewaretoken$|^sessionid$",
    re.I,
)
_NAMED_FIELD = re.compile(rb'"([\w-]+)"\s*:')
_ID = re.compile(r"/(\d+|[0-9a-f]{16,}|[0-9a-f]{8}-[0-9a-f-]{27})(?=/|$)", re.I)


@dataclass(frozen=True)
class Exported:
    """The text, and what it leaves to others: `variables` hold session secrets (name -> what it
    is), `left_out` names the calls that carry a secret in their body."""

    text: str
    calls: int
    variables: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Bare:
    """A call without its secrets: `headers` and `query` name the variables that hold them."""

    call: Call
    headers: Mapping[str, str]
    query: Mapping[str, str]


class _Secrets:
    """Names a variable for each secret value, so that several sessions stay apart."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self.variables: dict[str, str] = {}

    def name(self, kind: str, name: str, value: str) -> str:
        key = (f"{kind} {name.lower()}", value)
        if key not in self._names:
            stem = re.sub(r"\W", "_", f"unslow_{kind}_{name}").upper()
            number = sum(known[0] == key[0] for known in self._names) + 1
            variable = stem if number == 1 else f"{stem}_{number}"
            self._names[key] = variable
            self.variables[variable] = re.sub(r"[^\w -]", "_", f"the {kind} {name}")
        return self._names[key]

    def bare(self, call: Call) -> _Bare:
        headers = {
            name: self.name("header", name, value)
            for name, value in call.headers.items()
            if _SECRET_HEADER.search(name)
        }
        path, mark, text = call.path.partition("?")
        pairs = parse_qsl(text, keep_blank_values=True)
        hidden = {
            name: self.name("parameter", name, value)
            for name, value in pairs
            if _SECRET_FIELD.search(name)
        }
        if hidden:
            text = urlencode([(name, value) for name, value in pairs if name not in hidden])
            mark = "?" if text else ""
        kept = {name: value for name, value in call.headers.items() if name not in headers}
        stripped = msgspec.structs.replace(call, path=path + mark + text, headers=kept)
        return _Bare(stripped, headers, hidden)


def locustfile(calls: Sequence[Call]) -> Exported:
    """A Locust file that sends the calls by their weights, under the names of their endpoints."""
    secrets = _Secrets()
    sent, left_out = _without_credentials(calls)
    bare = [secrets.bare(call) for call in sent]
    lines = "\n".join(f"    {_entry(one)}," for one in bare)
    text = _LOCUSTFILE.format(variables=_listed(secrets.variables), calls=lines)
    return Exported(text, len(bare), secrets.variables, left_out)


def recording(calls: Sequence[Call]) -> Exported:
    """JSON Lines that `unslow audit --replay` reads back, without the session's secrets."""
    secrets = _Secrets()
    sent, left_out = _without_credentials(calls)
    text = "".join(f"{_line(secrets.bare(call).call)}\n" for call in sent)
    return Exported(text, len(sent), secrets.variables, left_out)


def named(calls: Iterable[Call]) -> tuple[Call, ...]:
    """Recorded calls that no application has named yet, under their paths without the ids."""
    return tuple(
        msgspec.structs.replace(
            call, endpoint=f"{call.method} {_ID.sub('/{id}', call.path.partition('?')[0])}"
        )
        for call in calls
    )


def chosen(
    calls: Iterable[Call], include: Sequence[str], exclude: Sequence[str]
) -> tuple[Call, ...]:
    """The calls whose endpoint or path fits the globs."""

    def matches(call: Call, globs: Sequence[str]) -> bool:
        names = (call.endpoint, call.endpoint.partition(" ")[2], call.path)
        return any(fnmatch.fnmatchcase(name, glob) for name in names for glob in globs)

    return tuple(
        call
        for call in calls
        if (matches(call, include) if include else not matches(call, exclude))
    )


def _without_credentials(calls: Sequence[Call]) -> tuple[list[Call], tuple[str, ...]]:
    kept = [call for call in calls if not _holds_credentials(call.body or b"")]
    left_out = dict.fromkeys(call.endpoint for call in calls if call not in kept)
    return kept, tuple(left_out)


def _holds_credentials(body: bytes) -> bool:
    """Whether a form or JSON body has a field for a password or a token."""
    names = {match.decode("ascii", "replace") for match in _NAMED_FIELD.findall(body)}
    if not body.lstrip().startswith((b"{", b"[")):
        names |= {name for name, _ in parse_qsl(body.decode("latin-1"), keep_blank_values=True)}
        names |= set(re.findall(r'; name="([^"]*)"', body.decode("latin-1")))
    return any(_SECRET_FIELD.search(name) for name in names)


def _entry(one: _Bare) -> str:
    call = one.call
    parts: dict[str, object] = {
        "name": call.endpoint,
        "weight": call.weight,
        "method": call.method,
        "path": call.path,
        "headers": call.headers,
        "body": call.body,
        "secret_headers": dict(one.headers),
        "secret_query": dict(one.query),
    }
    kept = {name: value for name, value in parts.items() if value not in (None, {})}
    return repr(kept)


def _line(call: Call) -> str:
    line: dict[str, object] = {"path": call.path, "method": call.method}
    if call.headers:
        line["headers"] = call.headers
    if call.body is not None:
        try:
            line["body"] = call.body.decode("utf-8")
        except UnicodeDecodeError:
            line |= {"body": base64.b64encode(call.body).decode(), "encoding": "base64"}
    if call.weight != 1:
        line["weight"] = call.weight
    return msgspec.json.encode(line).decode()


def _listed(variables: Mapping[str, str]) -> str:
    if not variables:
        return "No session is needed: the requests carry no secret."
    lines = "\n".join(f"    {name}  {what}" for name, what in variables.items())
    return "The session is not written here. Each of these is sent where it is set:\n\n" + lines


_LOCUSTFILE = '''"""A workload for Locust, written by `unslow workload export --locust`.

    locust -f locustfile.py --host http://127.0.0.1:8000

Each user sends one request per second, or UNSLOW_RATE of them.
{variables}
"""

import os
import random
from urllib.parse import urlencode

from locust import FastHttpUser, constant_throughput, task

CALLS = [
{calls}
]
WEIGHTS = [call["weight"] for call in CALLS]


def from_environment(variables):
    return {{name: os.environ[key] for name, key in variables.items() if key in os.environ}}


def url(call):
    hidden = urlencode(from_environment(call.get("secret_query", {{}})))
    mark = "&" if "?" in call["path"] else "?"
    return call["path"] + mark + hidden if hidden else call["path"]


class Visitor(FastHttpUser):
    wait_time = constant_throughput(float(os.environ.get("UNSLOW_RATE", "1")))

    @task
    def visit(self):
        (call,) = random.choices(CALLS, WEIGHTS)
        self.client.request(
            call["method"],
            url(call),
            name=call["name"],
            data=call.get("body"),
            headers={{
                **call.get("headers", {{}}),
                **from_environment(call.get("secret_headers", {{}})),
            }},
            allow_redirects=False,
        )
'''
