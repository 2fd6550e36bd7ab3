"""Do two running services answer the same? What one answers differently by itself is noise."""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from unslow.errors import UnslowError, UsageError
from unslow.lab.compare._remote_cpu import Watch
from unslow.lab.compare._remote_service import Service, answers
from unslow.lab.compare._remote_workload import Planned
from unslow.lab.prove.change import CANDIDATE
from unslow.lab.prove.equivalence import Answer, Equivalence, answer, summary
from unslow.lab.prove.rules import NO_RULES, Rules
from unslow.lab.prove.schedule import BEFORE
from unslow.lab.prove.trial import Costs
from unslow.lab.workload import Call, Client, Workload
from unslow.model import Responses, Skipped
from unslow.model.verdict import VerdictKind
from unslow.progress import Progress

TIMEOUT_S = 30.0
TRIED_S = 1.0  # an endpoint that has taken this long has shown enough of its calls
APART_S = 1.1  # between two answers of the same service: times in whole seconds differ, too
FEWEST_CALLS = 2  # per endpoint: one of them is held out
OVER = "the time budget ended before it was asked"


@dataclass(frozen=True)
class Gated:
    """What may be measured. `kind` and `reason` are those of a candidate that failed the gate."""

    workload: Workload
    costs: Costs
    once: frozenset[str] = frozenset()
    responses: Responses | None = None
    kind: VerdictKind | None = None
    reason: str = ""


@dataclass
class _Asked:
    """A service with the answers that it gave, and the fastest seconds by endpoint."""

    service: Service
    client: Client
    answers: list[tuple[Call, Answer]]
    costs: dict[str, float]

    def ask(self, call: Call) -> Answer:
        response = self.client.send(call)
        found = answer(response, self.service.base_url)
        self.answers.append((call, found))
        cost = self.costs.get(call.endpoint, response.seconds)
        self.costs[call.endpoint] = min(cost, response.seconds)
        return found


def gate(
    base: Service,
    candidate: Service,
    planned: Planned,
    progress: Progress,
    seconds_left: Callable[[], float],
    rules: Rules = NO_RULES,
) -> Gated:
    """Ask the base, then the base again and the candidate in turn, and compare but for `rules`.

    Raises `UnslowError` when the base stops answering, `UsageError` when it answers nothing that
    can be measured.
    """
    first = _asked(base)
    skipped = _try(first, planned.calls, progress, seconds_left)
    first.client.close()  # a server with one thread serves one connection at a time
    calls = tuple(call for call, _ in first.answers)
    if not calls:
        listed = "".join(f"\n  {one.endpoint}: {one.reason}" for one in skipped[:8])
        raise UsageError(f"{base.label} answers nothing that can be measured:{listed}")
    time.sleep(APART_S)
    again, after = _asked(base), _asked(candidate)
    failure = _replay(again, after, calls, progress)
    again.client.close()
    after.client.close()
    costs: Costs = {BEFORE: dict(first.costs), CANDIDATE: dict(after.costs)}
    workload = _split(calls, (*planned.skipped, *skipped))
    if failure:
        return Gated(workload, costs, kind="failed", reason=failure)
    judge = Equivalence(first.answers, again.answers, rules)
    compared = tuple(judge.compare(after.answers))
    responses = msgspec.structs.replace(
        summary(compared, judge.masked()), unused_masks=rules.unused()
    )
    once = _once(first.answers, again.answers)
    if responses.first_difference:
        reason = responses.first_difference
        return Gated(workload, costs, once, responses, "different", reason)
    return Gated(workload, costs, once, responses)


def _asked(service: Service) -> _Asked:
    return _Asked(service, Client(service.base_url, TIMEOUT_S), [], {})


def _try(
    asked: _Asked,
    calls: Sequence[Call],
    progress: Progress,
    seconds_left: Callable[[], float],
) -> tuple[Skipped, ...]:
    """Each call once, fewer of slow endpoints; those that do not work are taken out again."""
    failed: dict[str, str] = {}
    spent_s: dict[str, float] = {}
    for number, call in _in_turn(calls):
        late = seconds_left() < 0 or spent_s.get(call.endpoint, 0.0) > TRIED_S
        if late and number >= FEWEST_CALLS:
            continue
        if call.endpoint in failed or seconds_left() < -TIMEOUT_S:
            failed.setdefault(call.endpoint, OVER)
            continue
        progress.step(call.endpoint, 0)
        started = time.monotonic()
        if reason := _failure(asked, call):
            failed.setdefault(call.endpoint, reason)
        spent_s[call.endpoint] = spent_s.get(call.endpoint, 0.0) + time.monotonic() - started
    works = {call.endpoint for call, _ in asked.answers}
    return tuple(Skipped(end, reason) for end, reason in failed.items() if end not in works)


def _in_turn(calls: Sequence[Call]) -> list[tuple[int, Call]]:
    """The first call of every endpoint, then the second of each: all are seen before time ends."""
    grouped: dict[str, list[Call]] = {}
    for call in calls:
        grouped.setdefault(call.endpoint, []).append(call)
    return [
        (number, call)
        for number, row in enumerate(itertools.zip_longest(*grouped.values()))
        for call in row
        if call is not None
    ]


def _failure(asked: _Asked, call: Call) -> str:
    """Why this call cannot be measured; "" when its answer is there."""
    try:
        found = asked.ask(call)
    except OSError as error:
        if not answers(asked.service):
            raise UnslowError(f"{asked.service.label} stopped answering: {error}") from error
        return f"no answer: {error}"
    if found.status < 400:
        return ""
    asked.answers.pop()
    return f"answers {found.status}"


def _replay(again: _Asked, after: _Asked, calls: Sequence[Call], progress: Progress) -> str:
    """Both services in turn; why the candidate failed, "" when it did not."""
    with Watch(again.service.accounting), Watch(after.service.accounting):
        for call in calls:
            progress.step(call.endpoint)
            try:
                again.ask(call)
            except OSError as error:
                raise UnslowError(f"{again.service.label} stopped answering: {error}") from error
            try:
                after.ask(call)
            except OSError as error:
                return f"it stops answering: {call.method} {call.path}: {error}"
    return ""


def _split(calls: Sequence[Call], skipped: tuple[Skipped, ...]) -> Workload:
    """Measured and held-out calls of each endpoint in turn, so that both hold every kind."""
    places = [(number % 2 == 0, call) for number, call in _in_turn(calls)]
    return Workload(
        tuple(call for measured, call in places if measured),
        tuple(call for measured, call in places if not measured),
        skipped,
    )


def _once(*passes: Sequence[tuple[Call, Answer]]) -> frozenset[str]:
    """Writing endpoints that answer otherwise when they are asked the same again."""
    return frozenset(
        call.endpoint
        for (call, one), (_, other) in zip(*passes, strict=True)
        if call.writes and one.status != other.status
    )
