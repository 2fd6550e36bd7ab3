"""Builds the workload: plans calls, tries each once, and keeps what the application answers."""

import fnmatch
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from unslow.errors import UsageError
from unslow.lab.workload import replay
from unslow.lab.workload._call import SAFE_METHODS, Call, Workload
from unslow.lab.workload._sample import Database, Sampler
from unslow.lab.workload.client import Client, Response
from unslow.lab.workload.routes import (
    CALLS_PER_ENDPOINT,
    Planned,
    plan,
    plan_more_writes,
    plan_wide,
)
from unslow.model import Model, Request, Route, Skipped
from unslow.progress import Progress

WIDE_CALLS = 1000  # further calls whose answers are compared, over all endpoints
WIDE_WRITES = 20  # of them, for each endpoint that writes
SLOWEST_S = 20.0  # an endpoint that needs longer is listed, not measured
TRY_TIMEOUT_S = 30.0
TRIED_S = 1.0  # an endpoint that has taken this long has shown enough of its calls
PATIENT_S = 15.0  # the same where every call is wanted; below SLOWEST_S, so one hang is enough
DRAIN_S = 5.0
ALIKE = 2.0  # times as long: what shows in a list of fifty rows does not in a list of one
_LOG_IN = "log in with --login, --header or --cookie"
_REPLAY = "\nReplay real traffic with --replay FILE, or mend what fails."


@dataclass(frozen=True)
class Wanted:
    """What the user asked for. `headers` go with every call; globs match `METHOD route`.

    `every_call` tries all that was planned of an endpoint, slow or not, so that the workload is
    the same on a busy machine.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    recordings: Sequence[Path] = ()
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    writes: bool = True
    every_call: bool = False


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
    enough_s = PATIENT_S if wanted.every_call else TRIED_S
    tried = _try_all(app, calls, wanted.headers, progress, enough_s)
    workload = _kept(tried, skipped, recorded=bool(wanted.recordings))
    if not workload.calls:
        raise UsageError(_nothing_works(workload.skipped))
    others = [] if wanted.recordings else _wide(routes, app.databases, models, wanted, read)
    return msgspec.structs.replace(workload, compared=_to_compare(workload, tried, others))


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


def _wide(
    routes: Sequence[Route],
    databases: Sequence[Database],
    models: Sequence[Model],
    wanted: Wanted,
    read: Callable[[str], bytes],
) -> list[Iterator[Call]]:
    """For each route, its further calls."""
    sampler = Sampler(databases, models, WIDE_CALLS, varied=True)

    def calls(route: Route) -> Iterator[Call]:
        if route.method in SAFE_METHODS:
            planned = plan_wide(route, sampler, read, WIDE_CALLS)
        else:
            planned = plan_more_writes(route, sampler, read, WIDE_WRITES)
        return (call.signed(wanted.headers) for call in planned)

    return [calls(route) for route in routes if wanted.writes or route.method in SAFE_METHODS]


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


@dataclass(frozen=True)
class _Tried:
    """A call that was sent once; `failure` says why it cannot be measured, or is empty."""

    call: Call
    failure: str
    answer_bytes: int = 0


def _try_all(
    app: Application,
    calls: Sequence[Call],
    headers: Mapping[str, str],
    progress: Progress,
    enough_s: float,
) -> list[_Tried]:
    """Send each call once, fewer of an endpoint that has taken `enough_s`."""
    client = Client(app.base_url, TRY_TIMEOUT_S)
    tried: list[_Tried] = []
    spent_s: dict[str, float] = defaultdict(float)
    for bare in calls:
        call = bare.signed(headers)
        if spent_s[call.endpoint] > enough_s and call.endpoint:
            continue
        progress.step(call.endpoint or f"{call.method} {call.path}")
        try:
            answer = client.send(call, f"try-{len(tried)}")
        except OSError as error:
            spent_s[call.endpoint] += SLOWEST_S
            tried.append(_Tried(call, f"no answer: {error}"))
        else:
            spent_s[call.endpoint] += answer.seconds
            tried.append(_Tried(call, _failure(answer, call.expected), len(answer.body)))
    client.close()
    return _explained(app, tried)


def _explained(app: Application, tried: Sequence[_Tried]) -> list[_Tried]:
    """Recorded calls learn their route, and failures their exception, from what was recorded."""
    ids = [f"try-{number}" for number in range(len(tried))]
    asked = [
        request_id
        for request_id, one in zip(ids, tried, strict=True)
        if one.failure or not one.call.endpoint
    ]
    seen = {request.id: request for request in app.drain(asked, DRAIN_S)} if asked else {}
    return [_with_record(one, seen.get(key)) for key, one in zip(ids, tried, strict=True)]


def _with_record(tried: _Tried, request: Request | None) -> _Tried:
    call, failure = tried.call, tried.failure
    if not call.endpoint:
        route = request.route if request else call.path.partition("?")[0]
        call = msgspec.structs.replace(call, endpoint=f"{call.method} {route}")
    if failure and request is not None and request.error:
        failure += f" ({request.error.partition(':')[0]})"  # the message may hold personal data
    return _Tried(call, failure, tried.answer_bytes)


def _kept(tried: Sequence[_Tried], skipped: list[Skipped], *, recorded: bool) -> Workload:
    good: dict[str, list[_Tried]] = defaultdict(list)
    bad: dict[str, str] = {}
    for one in tried:
        if one.failure:
            bad.setdefault(one.call.endpoint, one.failure)
        else:
            good[one.call.endpoint].append(one)
    for endpoint, reason in bad.items():
        if endpoint not in good:
            skipped.append(Skipped(endpoint, reason))
    measured: list[Call] = []
    held_out: list[Call] = []
    for answered in good.values():
        calls = [one.call for one in answered]
        chosen, others = _split_recorded(answered) if recorded else _split(calls)
        measured += _standing_for(calls, chosen) if recorded else chosen
        held_out += others
    return Workload(tuple(measured), tuple(held_out), tuple(skipped))


def _standing_for(calls: Sequence[Call], chosen: Sequence[Call]) -> list[Call]:
    """The chosen calls with the weight of all: an endpoint of many URLs is no rarer for that."""
    scale = sum(call.weight for call in calls) / sum(call.weight for call in chosen)
    return [msgspec.structs.replace(call, weight=call.weight * scale) for call in chosen]


def _split(calls: Sequence[Call]) -> tuple[Sequence[Call], Sequence[Call]]:
    """Measured and held-out calls, alternating, so that both hold every kind of call."""
    if len(calls) == 1:
        return calls, ()
    pairs = itertools.islice(itertools.zip_longest(calls[::2], calls[1::2]), CALLS_PER_ENDPOINT)
    first, second = zip(*pairs, strict=True)
    return [call for call in first if call], [call for call in second if call]


def _split_recorded(answered: Sequence[_Tried]) -> tuple[Sequence[Call], Sequence[Call]]:
    """The commonest calls, the longest answer first, each beside a held-out one that is alike."""
    ranked = sorted(answered, key=lambda one: (-one.call.weight, -one.answer_bytes))
    ranked = ranked[: 2 * CALLS_PER_ENDPOINT]
    measured: list[Call] = []
    held_out: list[Call] = []
    for one, other in itertools.zip_longest(ranked[::2], ranked[1::2]):
        measured.append(one.call)
        if other is not None:
            alike = one.answer_bytes <= ALIKE * other.answer_bytes
            (held_out if alike else measured).append(other.call)
    return measured, held_out


def _to_compare(
    workload: Workload, tried: Sequence[_Tried], others: Sequence[Iterator[Call]]
) -> tuple[Call, ...]:
    """Calls of the workload's endpoints beside its own, of every endpoint in turn."""
    measured = (*workload.calls, *workload.held_out)
    seen = {(call.method, call.path, call.body) for call in measured if not call.writes}
    known = set(workload.endpoints)
    left = defaultdict(list)
    for one in tried:
        left[one.call.endpoint].append(one.call)
    chosen: list[Call] = []
    for turn in itertools.zip_longest(*left.values(), *others):
        for call in turn:
            if call is None or call.endpoint not in known:
                continue
            if (key := (call.method, call.path, call.body)) not in seen:
                seen.add(key)
                chosen.append(call)
        if len(chosen) >= WIDE_CALLS:
            break
    return tuple(chosen[:WIDE_CALLS])


def _failure(answer: Response, expected: int = 0) -> str:
    if expected and answer.status != expected:
        return (
            f"answers {answer.status}, and {expected} in the recording: the rows or the session "
            "that it needs are not in this database"
        )
    if answer.seconds > SLOWEST_S:
        return f"took {answer.seconds:.0f} s, more than the {SLOWEST_S:.0f} s that are measured"
    location = answer.header("location")
    if 300 <= answer.status < 400 and ("login" in location or "signin" in location):
        return f"redirects to {location.partition('?')[0]}; {_LOG_IN}"
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
    hint = "" if any(_LOG_IN in one.reason for one in skipped) else _REPLAY
    return f"no endpoint could be exercised:\n{listed}{more}{hint}"
