"""Builds the workload: plans calls, tries each once, and keeps what the application answers."""

import fnmatch
import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from unslow.lab.errors import UsageError
from unslow.lab.progress import Progress
from unslow.lab.workload import replay
from unslow.lab.workload._call import Call, Workload
from unslow.lab.workload._sample import Database, Sampler
from unslow.lab.workload.client import Client, Response
from unslow.lab.workload.routes import CALLS_PER_ENDPOINT, Planned, plan
from unslow.model import Model, Request, Route, Skipped

SLOWEST_S = 20.0  # an endpoint that needs longer is listed, not measured
TRY_TIMEOUT_S = 30.0
TRIED_S = 1.0  # an endpoint that has taken this long has shown enough of its calls
_LOG_IN = "log in with --login, --header or --cookie"


@dataclass(frozen=True)
class Wanted:
    """What the user asked for. `headers` go with every call; globs match `METHOD route`."""

    headers: Mapping[str, str] = field(default_factory=dict)
    recordings: Sequence[Path] = ()
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    writes: bool = True


class Application(Protocol):
    """A running, recorded application (see `unslow.lab.target.Running`)."""

    @property
    def base_url(self) -> str: ...
    @property
    def databases(self) -> Sequence[Database]: ...
    def drain(self, ids: Sequence[str], timeout: float) -> list[Request]: ...


def build(
    app: Application,
    routes: Sequence[Route],
    models: Sequence[Model],
    wanted: Wanted,
    read: Callable[[str], bytes],
    progress: Progress,
) -> Workload:
    """Plan calls for every route (or read the recordings), try each call once, keep what works.

    Raises `UsageError` when nothing at all can be exercised, with the reasons.
    """
    planned = (
        _recorded(wanted)
        if wanted.recordings
        else _planned(routes, Sampler(app.databases, models), wanted, read)
    )
    calls = [call for one in planned for call in one.calls]
    skipped = [one.skipped for one in planned if one.skipped]
    progress.stage("try every endpoint once", len(calls))
    tried = _try_all(app, calls, wanted.headers, progress)
    workload = _kept(tried, skipped, recorded=bool(wanted.recordings))
    if not workload.calls:
        raise UsageError(_nothing_works(workload.skipped))
    return workload


def _recorded(wanted: Wanted) -> list[Planned]:
    calls = [call for path in wanted.recordings for call in replay.read(path)]
    return [Planned(tuple(call for call in calls if wanted.writes or not call.writes))]


def _planned(
    routes: Sequence[Route],
    sampler: Sampler,
    wanted: Wanted,
    read: Callable[[str], bytes],
) -> list[Planned]:
    planned = []
    for route in routes:
        endpoint = f"{route.method} {route.route}"
        if reason := _unwanted(route, endpoint, wanted):
            planned.append(Planned(skipped=Skipped(endpoint, reason)))
        else:
            planned.append(plan(route, sampler, read, writes=wanted.writes))
    # Reads first: they see the data as it is, before the writes change it.
    return sorted(planned, key=lambda one: any(call.writes for call in one.calls))


def _unwanted(route: Route, endpoint: str, wanted: Wanted) -> str:
    def matches(globs: Sequence[str]) -> bool:
        return any(
            fnmatch.fnmatchcase(name, glob)
            for glob in globs
            for name in (endpoint, route.route, "/" + route.route.lstrip("/"))
        )

    if wanted.include:
        return "" if matches(wanted.include) else "not among --include"
    if matches(wanted.exclude):
        return "excluded by --exclude"
    if route.method in ("HEAD", "OPTIONS"):
        return "answers no data"
    if route.site is None or Path(route.site.path).is_absolute():
        return "its view is a library's; --include it to measure it"
    return ""


def _try_all(
    app: Application, calls: Sequence[Call], headers: Mapping[str, str], progress: Progress
) -> list[tuple[Call, Response | str]]:
    """Send each call once; the answer, or why there is none. Endpoints get their real route."""
    client = Client(app.base_url, TRY_TIMEOUT_S)
    tried: list[tuple[Call, Response | str]] = []
    spent_s: dict[str, float] = defaultdict(float)
    for bare in calls:
        call = msgspec.structs.replace(bare, headers={**bare.headers, **headers})
        if spent_s[call.endpoint] > TRIED_S and call.endpoint:
            continue
        progress.step(call.endpoint or f"{call.method} {call.path}")
        try:
            answer: Response | str = client.send(call, f"try-{len(tried)}")
        except OSError as error:
            answer = f"no answer: {error}"
        spent_s[call.endpoint] += SLOWEST_S if isinstance(answer, str) else answer.seconds
        tried.append((call, answer))
    client.close()
    return _with_routes(app, tried)


def _with_routes(
    app: Application, tried: list[tuple[Call, Response | str]]
) -> list[tuple[Call, Response | str]]:
    """Recorded calls learn their endpoint from the route that the application resolved."""
    if all(call.endpoint for call, _ in tried):
        return tried
    ids = [f"try-{number}" for number in range(len(tried))]
    seen = {request.id: request for request in app.drain(ids, 10.0)}
    named = []
    for (call, answer), request_id in zip(tried, ids, strict=True):
        request = seen.get(request_id)
        route = request.route if request else call.path.partition("?")[0]
        endpoint = call.endpoint or f"{call.method} {route}"
        named.append((msgspec.structs.replace(call, endpoint=endpoint), answer))
    return named


def _kept(
    tried: Sequence[tuple[Call, Response | str]], skipped: list[Skipped], *, recorded: bool
) -> Workload:
    good: dict[str, list[Call]] = defaultdict(list)
    bad: dict[str, str] = {}
    for call, answer in tried:
        reason = _failure(answer)
        if reason:
            bad.setdefault(call.endpoint, reason)
        else:
            good[call.endpoint].append(call)
    for endpoint, reason in bad.items():
        if endpoint not in good:
            skipped.append(Skipped(endpoint, reason))
    measured: list[Call] = []
    held_out: list[Call] = []
    for calls in good.values():
        ranked = sorted(calls, key=lambda call: -call.weight) if recorded else calls
        chosen, others = _split(ranked)
        measured += chosen
        held_out += others
    return Workload(tuple(measured), tuple(held_out), tuple(skipped))


def _split(calls: Sequence[Call]) -> tuple[Sequence[Call], Sequence[Call]]:
    """Measured and held-out calls, alternating, so that both hold every kind of call."""
    if len(calls) == 1:
        return calls, ()
    pairs = itertools.islice(itertools.zip_longest(calls[::2], calls[1::2]), CALLS_PER_ENDPOINT)
    first, second = zip(*pairs, strict=True)
    return [call for call in first if call], [call for call in second if call]


def _failure(answer: Response | str) -> str:
    if isinstance(answer, str):
        return answer
    if answer.seconds > SLOWEST_S:
        return f"took {answer.seconds:.0f} s, more than the {SLOWEST_S:.0f} s that are measured"
    location = answer.header("location")
    if 300 <= answer.status < 400 and ("login" in location or "signin" in location):
        return (
            f"redirects to {location.partition('?')[0]}; log in with --login, --header or --cookie"
        )
    if answer.status in (401, 403):
        return f"answers {answer.status}; {_LOG_IN}"
    if answer.status >= 400:
        return f"answers {answer.status} to every call that was tried"
    return ""


def _nothing_works(skipped: Sequence[Skipped]) -> str:
    if not skipped:
        return (
            "no endpoint found; name the application (module:attribute), or replay recorded "
            "traffic with --replay FILE"
        )
    listed = "\n".join(f"  {one.endpoint}: {one.reason}" for one in skipped[:8])
    more = f"\n  and {len(skipped) - 8} more" if len(skipped) > 8 else ""
    return (
        f"none of the {len(skipped)} endpoints could be exercised:\n{listed}{more}\n"
        "Log in with --login USER, --header or --cookie, or replay real traffic with --replay FILE."
    )
