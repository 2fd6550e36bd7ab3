"""Sends the same calls in the same order to every arm, and keeps what came of them."""

import itertools
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from queue import SimpleQueue

from unslow.lab.prove._json import Value
from unslow.lab.prove._parallel import at_once
from unslow.lab.prove.equivalence import Answer, answer
from unslow.lab.target import Effect, Running
from unslow.lab.workload import Call, Client, Workload
from unslow.model import Request
from unslow.progress import Progress

READS_SHARE = 0.7  # of the time for calls that are only compared
FEWEST_CALLS = 2  # per endpoint, however slow it is: one of them held out
DRAIN_S = 20.0
SETTLED_S = 3.0  # for mails and tasks that are sent after the last response
QUIET_S = 0.3
POLL_S = 0.05

Headers = Mapping[str, str]
Statements = Counter[str]
_passes = itertools.count()


@dataclass
class Played:
    """One pass over calls: the answers, the seconds they took, the requests recorded."""

    answers: list[tuple[Call, Answer]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    requests: dict[int, Request] = field(default_factory=dict)

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(call for call, _ in self.answers)

    def recorded(self) -> Iterator[tuple[str, Request]]:
        """Every recorded request with the endpoint that its call was made for."""
        for position, request in self.requests.items():
            yield self.answers[position][0].endpoint, request

    def statements(self) -> list[Statements | None]:
        """The statements of each call by fingerprint; None where nothing was recorded."""
        counted: list[Statements | None] = [None] * len(self.answers)
        for position, request in self.requests.items():
            counted[position] = Counter(query.fingerprint for query in request.queries)
        return counted

    def cost_s(self) -> dict[str, float]:
        """Seconds per call by endpoint: the fastest, since the first answer pays for imports."""
        costs: dict[str, float] = {}
        for (call, _), seconds in zip(self.answers, self.seconds, strict=True):
            costs[call.endpoint] = min(seconds, costs.get(call.endpoint, seconds))
        return costs

    def once(self) -> frozenset[str]:
        """Writing endpoints that answer otherwise when they are asked the same again."""
        statuses: dict[tuple[str, str, bytes | None], set[int]] = {}
        for call, answered in self.answers:
            if call.writes:
                key = (call.endpoint, call.path, call.body)
                statuses.setdefault(key, set()).add(answered.status)
        return frozenset(key[0] for key, seen in statuses.items() if len(seen) > 1)


def play(running: Running, headers: Headers, calls: Iterable[Call], progress: Progress) -> Played:
    """Sends `calls` in order. Raises OSError when the application stops answering."""
    return _play(running, headers, calls, progress, Played())


def play_twice(
    arms: Sequence[tuple[Running, Headers]],
    workload: Workload,
    budget_s: float,
    progress: Progress,
) -> tuple[Played, Played]:
    """Sends what `budget_s` allows to two arms at once: a call and a held-out one of every
    endpoint, then more of the fast ones, then writes, then reads again."""
    chosen: SimpleQueue[Call | None] = SimpleQueue()

    def lead(watched: Progress) -> Played:
        played = Played()
        try:
            calls = _handed_on(_affordable(workload, budget_s, played), chosen)
            return _play(*arms[0], calls, watched, played)
        finally:
            chosen.put(None)

    def follow(watched: Progress) -> Played:
        return _play(*arms[1], iter(chosen.get, None), watched, Played())

    first, second = at_once([lead, follow], progress)
    return first, second


def play_wide(
    arms: Sequence[tuple[Running, Headers]],
    calls: Sequence[Call],
    budget_s: float,
    progress: Progress,
) -> tuple[Played, Played]:
    """Sends `calls` to two arms at once, in order, as many as `budget_s` allows.

    Reads come first and leave a part of it to the writes.
    """
    chosen: SimpleQueue[Call | None] = SimpleQueue()

    def lead(watched: Progress) -> Played:
        played = Played()
        try:
            return _play(
                *arms[0], _handed_on(_until(calls, budget_s, played), chosen), watched, played
            )
        finally:
            chosen.put(None)

    def follow(watched: Progress) -> Played:
        return _play(*arms[1], iter(chosen.get, None), watched, Played())

    first, second = at_once([lead, follow], progress)
    return first, second


def _until(calls: Sequence[Call], budget_s: float, played: Played) -> Iterator[Call]:
    for call in calls:
        if sum(played.seconds) <= budget_s * (1.0 if call.writes else READS_SHARE):
            yield call


def _handed_on(calls: Iterable[Call], to: "SimpleQueue[Call | None]") -> Iterator[Call]:
    for call in calls:
        to.put(call)
        yield call


def one_answer(running: Running, headers: Headers, call: Call) -> tuple[Call, Answer]:
    """The answer to a single call on a connection of its own."""
    client = Client(running.base_url)
    try:
        return call, answer(client.send(call.signed(headers)), running.base_url)
    finally:
        client.close()


def tables_of(requests: Iterable[Request]) -> frozenset[str]:
    """Tables that a query read more than one row from."""
    return frozenset(
        name
        for request in requests
        for query in request.queries
        if query.kind == "select" and (query.rows or 0) > 1
        for name in _FROM.findall(query.shape)
    )


_FROM = re.compile(r'\bFROM\s+"?(\w+)', re.IGNORECASE)


def _play(
    running: Running, headers: Headers, calls: Iterable[Call], progress: Progress, played: Played
) -> Played:
    client, ids = Client(running.base_url), {}
    running.effects()  # those of the start belong to no call
    number = next(_passes)
    for position, call in enumerate(calls):
        progress.step(f"{running.arm}: {call.endpoint}", 0)
        request_id = f"{running.arm}-{number}-{position}"
        response = client.send(call.signed(headers), request_id)
        ids[request_id] = position
        played.answers.append((call, answer(response, running.base_url)))
        played.seconds.append(response.seconds)
    client.close()
    for request in running.drain(list(ids), DRAIN_S):
        played.requests[ids[request.id]] = request
    for place, sent in _by_call(_settled(running), ids).items():
        call, answered = played.answers[place]
        played.answers[place] = call, replace(answered, effects=sent)
    return played


def _settled(running: Running) -> list[Effect]:
    """What the calls sent elsewhere, with what a thread or a background task still sends."""
    found = list(running.effects())
    deadline = time.monotonic() + (SETTLED_S if found else 0.0)
    quiet_since = time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - quiet_since < QUIET_S:
        time.sleep(POLL_S)
        if later := running.effects():
            found += later
            quiet_since = time.monotonic()
    return found


def _by_call(effects: Iterable[Effect], ids: Mapping[str, int]) -> dict[int, dict[str, Value]]:
    """What each call sent, by its readable kind: a list of the digests of its parts."""
    found: dict[int, dict[str, list[Value]]] = {}
    for effect in effects:
        if effect.request in ids:
            kinds = found.setdefault(ids[effect.request], {})
            kinds.setdefault(effect.what, []).append(dict(effect.parts))
    return {
        place: {what: sorted(sent, key=repr) for what, sent in kinds.items()}
        for place, kinds in found.items()
    }


def _affordable(workload: Workload, budget_s: float, played: Played) -> Iterator[Call]:
    """Looks at what was `played` so far to see what the next call would cost."""
    reads = _groups(workload, writes=False)
    for calls in reads.values():
        yield from calls[:FEWEST_CALLS]
    cost = played.cost_s()
    for call in sorted(
        (call for calls in reads.values() for call in calls[FEWEST_CALLS:]),
        key=lambda call: cost[call.endpoint],
    ):
        if sum(played.seconds) + cost[call.endpoint] > budget_s:
            break
        yield call
    writes = _groups(workload, writes=True)
    for calls in writes.values():
        yield from calls[:FEWEST_CALLS]
    cost = played.cost_s()
    for call in (call for calls in writes.values() for call in calls[FEWEST_CALLS:]):
        if sum(played.seconds) + cost[call.endpoint] > 1.25 * budget_s:
            break
        yield call
    # A repeated write shows whether it can be measured again and again, a read after the writes
    # must see what was written.
    yield from (calls[0] for calls in writes.values())
    if writes:
        for calls in sorted(reads.values(), key=lambda calls: cost[calls[0].endpoint]):
            if sum(played.seconds) + cost[calls[0].endpoint] > 1.5 * budget_s:
                break
            yield calls[0]


def _groups(workload: Workload, *, writes: bool) -> dict[str, Sequence[Call]]:
    """The calls of each endpoint, measured and held-out ones in turn."""
    groups: dict[str, tuple[list[Call], list[Call]]] = {}
    for kind, calls in enumerate((workload.calls, workload.held_out)):
        for call in calls:
            if call.writes == writes:
                groups.setdefault(call.endpoint, ([], []))[kind].append(call)
    return {
        endpoint: [
            call for pair in itertools.zip_longest(*both) for call in pair if call is not None
        ]
        for endpoint, both in groups.items()
    }
