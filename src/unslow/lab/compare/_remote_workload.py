"""What to ask two running services: recorded traffic, literal paths, or what they describe."""

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from unslow.errors import UsageError
from unslow.lab.compare._remote_openapi import CALLS, Description, calls, describe
from unslow.lab.compare._remote_service import Service
from unslow.lab.workload import Call, Client, Response, Wanted
from unslow.lab.workload.replay import read
from unslow.model import Skipped

DESCRIBE_TIMEOUT_S = 30.0
NOT_A_CLONE = "it writes, and these are no clones of the data; --writes sends it all the same"
_LITERAL = re.compile(r"[A-Z]+ /[^*\[]*")
_NUMBER = re.compile(r"\d+")
_KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{24,}")


@dataclass(frozen=True)
class Planned:
    """The calls to try, each with the user's headers, and the endpoints that only one side has."""

    calls: tuple[Call, ...]
    skipped: tuple[Skipped, ...] = ()
    only_base: tuple[str, ...] = ()
    only_candidate: tuple[str, ...] = ()


def plan(base: Service, candidate: Service, wanted: Wanted) -> Planned:
    """At most `CALLS` calls per endpoint. Raises `UsageError` when nothing is known to ask."""
    before = _describe(base, wanted.headers)
    after = _describe(candidate, wanted.headers)
    only_base, only_candidate = _one_sided(before, after)
    found, skipped = _found(base, wanted, before)
    kept = [call for call in found if call.endpoint not in only_base]
    if not wanted.writes:
        writing = dict.fromkeys(call.endpoint for call in kept if call.writes)
        skipped = (*skipped, *(Skipped(endpoint, NOT_A_CLONE) for endpoint in writing))
        kept = [call for call in kept if not call.writes]
    if not kept:
        raise UsageError(_nothing(base, skipped))
    return Planned(
        tuple(call.signed(wanted.headers) for call in _few(kept)),
        skipped,
        only_base,
        only_candidate,
    )


def _found(
    base: Service, wanted: Wanted, described: Description | None
) -> tuple[Iterable[Call], tuple[Skipped, ...]]:
    literal = [one for one in wanted.include if _LITERAL.fullmatch(one)]
    if wanted.recordings:
        recorded = [call for path in wanted.recordings for call in read(path)]
        return _chosen([_named(call, described) for call in recorded], wanted), ()
    if literal and len(literal) == len(wanted.include):
        return [_named(_literal(one), described) for one in literal], ()
    if described is None:
        return [], ()
    found, skipped = calls(described, _Getter(base, wanted.headers))
    return _chosen(found, wanted), skipped


def _chosen(found: Sequence[Call], wanted: Wanted) -> list[Call]:
    def matches(call: Call, globs: Sequence[str]) -> bool:
        names = (call.endpoint, call.endpoint.partition(" ")[2], f"{call.method} {call.path}")
        return any(fnmatch.fnmatchcase(name, glob) for name in names for glob in globs)

    return [
        call
        for call in found
        if (matches(call, wanted.include) if wanted.include else not matches(call, wanted.exclude))
    ]


def _literal(text: str) -> Call:
    method, _, path = text.partition(" ")
    return Call(method, path, "")


def _named(call: Call, described: Description | None) -> Call:
    """Under its described route, else under its path with keys left out."""
    endpoint = described.endpoint_of(call.method, call.path) if described else ""
    return msgspec.structs.replace(
        call, endpoint=endpoint or f"{call.method} {_general(call.path.partition('?')[0])}"
    )


def _general(path: str) -> str:
    """`/orders/7/lines/` is one endpoint whatever the order's number."""
    words = path.split("/")
    return "/".join(
        "{id}" if _NUMBER.fullmatch(word) or _KEY.fullmatch(word.lower()) else word
        for word in words
    )


def _few(found: Iterable[Call]) -> list[Call]:
    """The heaviest calls of each endpoint."""
    grouped: dict[str, list[Call]] = {}
    for call in found:
        grouped.setdefault(call.endpoint, []).append(call)
    return [
        call
        for group in grouped.values()
        for call in sorted(group, key=lambda call: -call.weight)[:CALLS]
    ]


def _describe(service: Service, headers: Mapping[str, str]) -> Description | None:
    return describe(_Getter(service, headers))


def _one_sided(
    before: Description | None, after: Description | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if before is None or after is None:
        return (), ()
    return (
        tuple(sorted(before.endpoints - after.endpoints)),
        tuple(sorted(after.endpoints - before.endpoints)),
    )


class _Getter:
    """Plain GETs of one service, each path once."""

    def __init__(self, service: Service, headers: Mapping[str, str]) -> None:
        self._client = Client(service.base_url, DESCRIBE_TIMEOUT_S)
        self._headers = {"Accept": "application/json", **headers}
        self._known: dict[str, Response | None] = {}

    def __call__(self, path: str) -> Response | None:
        if path not in self._known:
            try:
                self._known[path] = self._client.send(Call("GET", path, "", self._headers))
            except OSError:
                self._known[path] = None
            self._client.close()
        return self._known[path]


def _nothing(base: Service, skipped: Sequence[Skipped]) -> str:
    listed = "".join(f"\n  {one.endpoint}: {one.reason}" for one in skipped[:8])
    if listed:
        return f"no endpoint of {base.label} can be asked:{listed}"
    return (
        f"nothing is known of what to ask {base.label}: it describes itself neither at "
        "/openapi.json nor at /api/schema. Give recorded traffic (--workload FILE) or paths "
        "(--endpoint 'GET /path')"
    )
