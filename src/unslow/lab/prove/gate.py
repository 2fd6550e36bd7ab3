"""The gates before any clock: the same answers, the same end state, exact counters, edge data."""

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from unslow.lab.errors import UnslowError
from unslow.lab.progress import Progress
from unslow.lab.prove import edge, state
from unslow.lab.prove._candidate import Candidate
from unslow.lab.prove.bundle import Bundle, alone
from unslow.lab.prove.counters import Counted, count
from unslow.lab.prove.equivalence import Answer, Equivalence, answer, summary
from unslow.lab.prove.schedule import AGAIN, BEFORE, SignIn, signed
from unslow.lab.target import Lab, Running
from unslow.lab.workload import Call, Client, Response, Workload
from unslow.model import Request, Responses

FEWEST_CALLS = 3  # per endpoint, however slow it is
Headers = Mapping[str, str]

EDGE_CALLS = 3
SLOW_EDGE_S = 0.5  # slower endpoints are asked once per kind of edge data
DRAIN_S = 20.0


@dataclass(frozen=True)
class Played:
    """One pass over calls: the answers, the seconds they took, the requests recorded."""

    answers: list[tuple[Call, Answer]]
    seconds: list[float]
    requests: list[tuple[str, Request]] = field(default_factory=list)


@dataclass(frozen=True)
class Baseline:
    """What the application answers unpatched, twice: what is the same, what is noise."""

    calls: tuple[Call, ...]
    equivalence: Equivalence
    counters: dict[str, Counted]
    end: state.EndState
    stages: tuple[edge.Stage, ...]
    edge_calls: tuple[Call, ...]
    edges: tuple[Equivalence, ...]
    cost_s: dict[str, float]
    once: frozenset[str]
    blocked: frozenset[str]


@dataclass(frozen=True)
class Passed:
    """A bundle that may be measured, with the candidates that are left in it."""

    bundle: Bundle
    counters: dict[str, Counted]


@dataclass(frozen=True)
class Rejected:
    """A candidate that failed a gate. `crashed`: it did not run; else it answered differently."""

    key: str
    crashed: bool
    reason: str


@dataclass(frozen=True)
class Gated:
    """What the gates said: bundles to measure, rejections, and the comparison per candidate."""

    passed: tuple[Passed, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    responses: dict[str, Responses] = field(default_factory=dict)


def baseline(
    lab: Lab,
    workload: Workload,
    targets: Collection[str],
    *,
    budget_s: float,
    sign_in: SignIn | None,
    progress: Progress,
) -> Baseline:
    """Run A and A' through everything that the candidates will be compared on.

    `budget_s` is for one arm: slow endpoints are asked less often, never fewer than
    `FEWEST_CALLS` times.
    """
    tree = lab.tree()
    arms: list[Running] = []
    try:
        arms.append(lab.launch(tree, BEFORE, record="full"))
        arms.append(lab.launch(tree, AGAIN, record="light"))
        both = [(running, sign_in(running) if sign_in else {}) for running in arms]
        (before, headers), (again, other_headers) = both
        calls = _affordable(before, headers, workload, budget_s, progress)
        _warm(again, other_headers, calls, progress)
        first = _play(before, headers, calls, progress)
        second = _play(again, other_headers, calls, progress)
        end = state.learn(before, again)
        touched = [request for endpoint, request in first.requests if endpoint in targets]
        stages, edge_calls, edges = _edges(both, touched, first, targets, progress)
        return Baseline(
            calls=calls,
            equivalence=Equivalence(first.answers, second.answers),
            counters=count(first.requests),
            end=end,
            stages=stages,
            edge_calls=edge_calls,
            edges=edges,
            cost_s=_costs(first),
            once=_once(first),
            blocked=frozenset(before.blocked),
        )
    finally:
        for running in arms:
            running.stop()


def check(
    lab: Lab,
    base: Baseline,
    bundles: Sequence[Bundle],
    *,
    sign_in: SignIn | None,
    progress: Progress,
    seconds_left: Callable[[], float],
) -> Gated:
    """Run every bundle through the gates; what fails is found and taken out of its bundle.

    Candidates that the time did not reach are in no part of the answer.
    """
    passed: list[Passed] = []
    rejected: list[Rejected] = []
    responses: dict[str, Responses] = {}
    waiting = list(bundles)
    while waiting and seconds_left() > 0:
        bundle = waiting.pop(0)
        progress.step(f"same answers? {', '.join(bundle.keys)}", 0, seconds_left())
        outcome = _try(lab, base, bundle, sign_in, progress)
        if isinstance(outcome, _Failed) and len(bundle.candidates) > 1:
            waiting[:0] = alone(bundle)
        elif isinstance(outcome, _Failed):
            rejected.append(Rejected(bundle.keys[0], outcome.crashed, outcome.reason))
            if outcome.responses is not None:
                responses[bundle.keys[0]] = outcome.responses
        else:
            responses |= outcome.responses
            rejected += outcome.rejected
            failed = {one.key for one in outcome.rejected}
            left = tuple(one for one in bundle.candidates if one.key not in failed)
            if left:
                passed.append(Passed(Bundle(bundle.name, left), outcome.counters))
    return Gated(tuple(passed), tuple(rejected), responses)


def check_together(
    lab: Lab, base: Baseline, bundle: Bundle, *, sign_in: SignIn | None, progress: Progress
) -> Passed | dict[str, str]:
    """Gates a combination as a whole: passed, or the reasons by candidate ("" for nobody's)."""
    outcome = _try(lab, base, bundle, sign_in, progress)
    if isinstance(outcome, _Failed):
        return {"": outcome.reason}
    if outcome.rejected:
        return {one.key: one.reason for one in outcome.rejected}
    return Passed(bundle, outcome.counters)


class _Unprepared(UnslowError):
    """The candidate's database took other edge data than the original's."""


@dataclass(frozen=True)
class _Failed:
    """The bundle failed as a whole; alone, each candidate shows whether it is the one."""

    crashed: bool
    reason: str
    responses: Responses | None = None


@dataclass(frozen=True)
class _Compared:
    counters: dict[str, Counted]
    responses: dict[str, Responses]
    rejected: list[Rejected]


def _try(
    lab: Lab, base: Baseline, bundle: Bundle, sign_in: SignIn | None, progress: Progress
) -> _Failed | _Compared:
    forbidden = [reason for one in bundle.candidates if (reason := _forbidden(one))]
    if forbidden:
        return _Failed(True, forbidden[0])
    try:
        tree = lab.tree(bundle.patches)
        running = lab.launch(tree, bundle.name, record="light", sql=bundle.sql)
    except UnslowError as error:
        return _Failed(True, f"it does not start: {_last_line(str(error))}")
    try:
        headers = sign_in(running) if sign_in else {}
        _warm(running, headers, base.calls, progress)
        played = _play(running, headers, base.calls, progress)
        compared = list(base.equivalence.compare(played.answers))
        ends = list(state.differences(base.end, running))
        compared += _edge_comparison(running, headers, base)
        blocked = sorted(set(running.blocked) - base.blocked)
        return _judged(base, bundle, compared, ends, blocked, count(played.requests))
    except OSError as error:
        return _Failed(True, f"it stops answering: {error}")
    except _Unprepared as error:
        return _Failed(True, str(error))
    finally:
        running.stop()


def _judged(
    base: Baseline,
    bundle: Bundle,
    compared: Sequence[tuple[Call, str]],
    ends: Sequence[str],
    blocked: Sequence[str],
    counters: dict[str, Counted],
) -> _Failed | _Compared:
    """Differences on a candidate's own endpoint are its own; any other is the whole bundle's."""
    different = {call.endpoint: sentence for call, sentence in reversed(compared) if sentence}
    elsewhere = [text for end, text in different.items() if end not in bundle.targets]
    elsewhere += [*ends, *(f"it reaches for {host}" for host in blocked)]
    if elsewhere:
        everything = summary(compared, base.equivalence.masked())
        return _Failed(
            False,
            elsewhere[0],
            msgspec.structs.replace(everything, first_difference=elsewhere[0]),
        )
    responses, rejected = {}, []
    for candidate in bundle.candidates:
        own = [one for one in compared if _concerns(one[0].endpoint, candidate, bundle)]
        ends_masked = (*base.equivalence.masked({call.endpoint for call, _ in own}),)
        found = summary(own, (*ends_masked, *base.end.masked))
        responses[candidate.key] = found
        if found.first_difference:
            rejected.append(Rejected(candidate.key, False, found.first_difference))
    return _Compared(counters, responses, rejected)


def _concerns(endpoint: str, candidate: Candidate, bundle: Bundle) -> bool:
    return endpoint in candidate.endpoints or endpoint not in bundle.targets


def _ordered(workload: Workload) -> list[Call]:
    """Reads, then writes, the first of each again, and a read of each endpoint after them all.

    A repeated write shows whether it can be measured again and again; a read after the writes
    must see what was written.
    """
    calls = [*workload.calls, *workload.held_out]
    reads = [call for call in calls if not call.writes]
    writes = [call for call in calls if call.writes]
    repeats = {call.endpoint: call for call in reversed(writes)}
    rereads = {call.endpoint: call for call in reversed(reads)} if writes else {}
    return [*reads, *writes, *reversed(repeats.values()), *reversed(rereads.values())]


def _affordable(
    running: Running, headers: Headers, workload: Workload, budget_s: float, progress: Progress
) -> tuple[Call, ...]:
    """The calls in order, without some of the slow endpoints' reads."""
    calls = _ordered(workload)
    cost = _warm(running, headers, calls, progress)
    share = budget_s / max(len({call.endpoint for call in calls}), 1)
    sent: dict[str, int] = {}
    kept = []
    for call in calls:
        number = sent[call.endpoint] = sent.get(call.endpoint, 0) + 1
        if number <= FEWEST_CALLS or number * cost.get(call.endpoint, 0.0) <= share:
            kept.append(call)
    return tuple(kept)


def _warm(
    running: Running, headers: Headers, calls: Sequence[Call], progress: Progress
) -> dict[str, float]:
    """Asks each reading endpoint twice; the seconds of the second answer, which pays no import."""
    client = Client(running.base_url)
    cost: dict[str, float] = {}
    for call in calls:
        if not call.writes and call.endpoint not in cost:
            progress.step(f"{running.arm}: {call.endpoint}", 0)
            client.send(signed(call, headers))
            cost[call.endpoint] = client.send(signed(call, headers)).seconds
    client.close()
    return cost


def _play(running: Running, headers: Headers, calls: Sequence[Call], progress: Progress) -> Played:
    """Sends the calls in order. Raises OSError when the application stops answering."""
    client = Client(running.base_url)
    played, ids = Played([], []), {}
    for number, call in enumerate(calls):
        progress.step(f"{running.arm}: {call.endpoint}", 0)
        request_id = f"{running.arm}-{number}"
        response = client.send(signed(call, headers), request_id)
        ids[request_id] = call.endpoint
        played.answers.append((call, answer(response, running.base_url)))
        played.seconds.append(response.seconds)
    client.close()
    for request in running.drain(list(ids), DRAIN_S):
        played.requests.append((ids[request.id], request))
    return played


def _once(first: Played) -> frozenset[str]:
    """Writing endpoints that answer otherwise when they are asked the same again."""
    statuses: dict[tuple[str, str, bytes | None], set[int]] = {}
    for call, answered in first.answers:
        if call.writes:
            statuses.setdefault((call.endpoint, call.path, call.body), set()).add(answered.status)
    return frozenset(key[0] for key, seen in statuses.items() if len(seen) > 1)


def _edges(
    both: Sequence[tuple[Running, Headers]],
    touched: Sequence[Request],
    first: Played,
    targets: Collection[str],
    progress: Progress,
) -> tuple[tuple[edge.Stage, ...], tuple[Call, ...], tuple[Equivalence, ...]]:
    before, again = both[0][0], both[1][0]
    cost = _costs(first)
    calls = tuple(_edge_calls([call for call, _ in first.answers], targets, cost))
    engine = next((one.engine for one in before.databases if one.engine != "redis"), "postgresql")
    done, compared = [], [_compare_anonymous(both, calls)]
    for wanted in edge.stages(before.describe().models, touched, engine):
        stage = edge.run(before, wanted)
        if not stage.statements:
            continue
        if edge.run(again, stage) != stage:
            break  # from here on the two copies hold different data
        progress.step(f"edge data: {stage.name}", 0)
        done.append(stage)
        compared.append(Equivalence(*(_edge_answers(run, head, calls) for run, head in both)))
    return tuple(done), calls, tuple(compared)


def _compare_anonymous(
    both: Sequence[tuple[Running, Headers]], calls: Sequence[Call]
) -> Equivalence:
    return Equivalence(*(_edge_answers(run, {}, _anonymous(calls)) for run, _ in both))


def _anonymous(calls: Sequence[Call]) -> tuple[Call, ...]:
    return tuple(
        msgspec.structs.replace(call, headers=edge.anonymous(call.headers)) for call in calls
    )


def _edge_calls(
    calls: Iterable[Call], targets: Collection[str], cost: dict[str, float]
) -> Iterator[Call]:
    taken: dict[str, set[str]] = {}
    for call in calls:
        group = taken.setdefault(call.endpoint, set())
        most = 1 if cost.get(call.endpoint, 0.0) > SLOW_EDGE_S else EDGE_CALLS
        if call.endpoint in targets and not call.writes and len(group) < most:
            if call.path not in group:
                yield call
            group.add(call.path)


def _edge_answers(
    running: Running, headers: Headers, calls: Sequence[Call]
) -> list[tuple[Call, Answer]]:
    client = Client(running.base_url)
    answers = []
    for call in calls:
        response: Response = client.send(signed(call, headers))
        answers.append((call, answer(response, running.base_url)))
    client.close()
    return answers


def _edge_comparison(
    running: Running, headers: Headers, base: Baseline
) -> Iterator[tuple[Call, str]]:
    """The comparisons on edge data, with the kind of data named in each difference."""
    strangers = _edge_answers(running, {}, _anonymous(base.edge_calls))
    yield from _named("without a login", base.edges[0].compare(strangers))
    for stage, judge in zip(base.stages, base.edges[1:], strict=True):
        if edge.run(running, stage) != stage:
            raise _Unprepared(f"its database refuses the edge data {stage.name}")
        played = _edge_answers(running, headers, base.edge_calls)
        yield from _named(stage.name, judge.compare(played))


def _named(name: str, compared: Iterable[tuple[Call, str]]) -> Iterator[tuple[Call, str]]:
    for call, sentence in compared:
        yield call, f"{sentence} ({name})" if sentence else ""


def _costs(played: Played) -> dict[str, float]:
    """Seconds per call by endpoint: the median, which a first slow answer does not move."""
    grouped: dict[str, list[float]] = {}
    for (call, _), seconds in zip(played.answers, played.seconds, strict=True):
        grouped.setdefault(call.endpoint, []).append(seconds)
    return {endpoint: sorted(group)[len(group) // 2] for endpoint, group in grouped.items()}


def _forbidden(candidate: Candidate) -> str:
    """A patch may not touch the tests that would convict it."""
    paths = itertools.chain(
        (change.path for change in candidate.patch.edits),
        (file.path for file in candidate.patch.files),
    )
    for path in paths:
        parts = path.split("/")
        if "tests" in parts[:-1] or parts[-1].startswith("test_") or parts[-1] == "conftest.py":
            return f"it changes a test: {path}"
    return ""


def _last_line(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return lines[-1] if lines else message
