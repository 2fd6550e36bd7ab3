"""The gates before any clock: the same answers, the same end state, exact counters, edge data."""

import contextlib
import itertools
import re
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import msgspec

from unslow.errors import UnslowError, UsageError
from unslow.lab.prove import edge, state
from unslow.lab.prove._candidate import Candidate
from unslow.lab.prove._parallel import at_once
from unslow.lab.prove.bundle import Bundle, halves, indexed_tables
from unslow.lab.prove.counters import Counted, count
from unslow.lab.prove.equivalence import Answer, Equivalence, summary
from unslow.lab.prove.replay import (
    Headers,
    Played,
    Statements,
    one_answer,
    play,
    play_twice,
    play_wide,
)
from unslow.lab.prove.rules import Rules
from unslow.lab.prove.schedule import AGAIN, BEFORE, SignIn
from unslow.lab.prove.second_look import RUN_AGAIN, SecondLook
from unslow.lab.target import Lab, Running, Start
from unslow.lab.workload import Call, Workload
from unslow.model import Request, Responses
from unslow.progress import Progress

Answers = Sequence[tuple[Call, Answer]]

LOOKS_SHARE = 2.0  # of an arm's budget, for all second looks together
EDGE_SHARE = 0.3  # of it, for the calls of one kind of visitor; the cheap endpoints first
WIDE_SHARE = 0.5  # of an arm's budget, for calls that are only compared, whatever is spent before
_EXCEPTION = re.compile(r"(?:\w+\.)*\w*(?:Error|Exception)\b")


@dataclass(frozen=True)
class EdgeCase:
    """Calls under unusual conditions, with what is noise for each of them.

    `stage` changes the data first; `name` says what is unusual. `user` is who asks instead of the
    one that is logged in.
    """

    name: str
    stage: edge.Stage
    judges: dict[str, Equivalence] = field(default_factory=dict)
    user: str = ""


@dataclass(frozen=True)
class Baseline:
    """What the application answers unpatched, twice: what is the same, what is noise.

    `wide` are calls that are only compared, after `calls`, which count. `edge_calls` has a call for
    each target. `cost_s` is seconds per call by endpoint; `once`
    holds the writes that cannot be repeated.
    """

    calls: tuple[Call, ...]
    wide: tuple[Call, ...]
    equivalence: Equivalence
    rules: Rules
    look: SecondLook
    counters: dict[str, Counted]
    statements: list[Statements | None]
    noisy_statements: frozenset[int]
    shapes: dict[str, frozenset[str]]
    end: state.EndState
    edge_calls: dict[str, Call]
    edges: tuple[EdgeCase, ...]
    cost_s: dict[str, float]
    once: frozenset[str]
    blocked: frozenset[str]


@dataclass(frozen=True)
class Passed:
    """A bundle that may be measured, with the candidates that are left in it.

    `felt` are other endpoints that send other statements than before, `indexed` those that use a
    table which a candidate (by key) indexes.
    """

    bundle: Bundle
    counters: dict[str, Counted]
    felt: frozenset[str] = frozenset()
    indexed: dict[str, frozenset[str]] = field(default_factory=dict)
    cost_s: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Rejected:
    """A candidate that failed a gate. `crashed`: it did not run; else it answered differently.

    `output` is what it printed last, `counters` what was counted as far as it ran, `differences`
    the first one of each endpoint.
    """

    key: str
    crashed: bool
    reason: str
    output: tuple[str, ...] = ()
    counters: Mapping[str, Counted] = field(default_factory=dict)
    differences: Mapping[str, str] = field(default_factory=dict)


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
    beside: Sequence[Candidate] = (),
) -> Baseline:
    """Run A and A' through everything that the candidates will be compared on.

    `budget_s` is for one arm: slow endpoints are asked less often. `beside` are fixes that A has.
    """
    start = Bundle(BEFORE, (), tuple(beside))
    tree = lab.tree(start.patches)
    arms: list[Running] = []
    try:
        started = time.monotonic()
        arms += (lab.launch(tree, name, record="light", sql=start.sql) for name in (BEFORE, AGAIN))
        launch_s = (time.monotonic() - started) / 2
        both = [(running, sign_in(running) if sign_in else {}) for running in arms]
        first, second = play_twice(both, workload, budget_s, progress)
        wide, others = play_wide(
            both,
            sorted(workload.compared, key=lambda one: (one.writes, one.endpoint not in targets)),
            max(budget_s - sum(first.seconds), budget_s * WIDE_SHARE),
            progress,
        )
        rules = Rules(lab.target.masks)
        equivalence = Equivalence(
            [*first.answers, *wide.answers], [*second.answers, *others.answers], rules
        )
        end = state.learn(*arms)
        edge_calls = {
            call.endpoint: call
            for call in reversed(first.calls)
            if call.endpoint in targets and not call.writes
        }
        requests = [request for end, request in first.recorded() if end in edge_calls]
        visits = _affordable(edge_calls, first.cost_s(), budget_s * EDGE_SHARE)
        edges = tuple(_edges(both, requests, edge_calls, visits, progress))
        statements = first.statements()
        return Baseline(
            calls=first.calls,
            wide=wide.calls,
            equivalence=equivalence,
            rules=rules,
            look=SecondLook(
                lab,
                Start(tree, RUN_AGAIN, start.sql),
                (*first.calls, *wide.calls),
                equivalence,
                (*first.seconds, *wide.seconds),
                budget_s * LOOKS_SHARE,
                launch_s,
                sign_in,
            ),
            counters=count(first.recorded()),
            statements=statements,
            noisy_statements=frozenset(_unequal(statements, second.statements())),
            shapes=_shapes(first),
            end=end,
            edge_calls=edge_calls,
            edges=edges,
            cost_s=first.cost_s(),
            once=first.once(),
            blocked=frozenset(arms[0].blocked),
        )
    except OSError as error:
        raise UnslowError(f"the application stops answering: {error}") from error
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
    apart: frozenset[str] = frozenset(),
) -> Gated:
    """Run every bundle through the gates; what fails is found and taken out of its bundle.

    Candidates that the time did not reach are in no part of the answer. The rows of tables in
    `apart` are not compared: migrations of the candidate have changed them.
    """
    run = _Run(lab, base, sign_in, seconds_left, apart)
    tasks = [partial(run.gate, bundle) for bundle in bundles]
    found = at_once(tasks, progress)
    return Gated(
        tuple(one for gated in found for one in gated.passed),
        tuple(one for gated in found for one in gated.rejected),
        {key: one for gated in found for key, one in gated.responses.items()},
    )


def check_together(
    lab: Lab, base: Baseline, bundle: Bundle, *, sign_in: SignIn | None, progress: Progress
) -> Passed | dict[str, str]:
    """Gates a combination as a whole: passed, or the reasons by candidate ("" for nobody's)."""
    outcome = _Run(lab, base, sign_in, lambda: 1.0).examine(bundle, progress)
    if isinstance(outcome, _Failed):
        return {"": outcome.reason}
    if outcome.rejected:
        return {one.key: one.reason for one in outcome.rejected}
    return _passed(base, bundle, outcome.played)


class _Unprepared(UnslowError):
    """The candidate's database took other edge data than the original's."""


@dataclass(frozen=True)
class _Failed:
    """The bundle failed as a whole; alone, each candidate shows whether it is the one."""

    crashed: bool
    reason: str
    responses: Responses | None = None
    output: tuple[str, ...] = ()
    counters: Mapping[str, Counted] = field(default_factory=dict)
    differences: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Compared:
    played: Played
    responses: dict[str, Responses]
    rejected: list[Rejected]


@dataclass(frozen=True)
class _Run:
    lab: Lab
    base: Baseline
    sign_in: SignIn | None
    seconds_left: Callable[[], float]
    apart: frozenset[str] = frozenset()
    launching: threading.Lock = field(default_factory=threading.Lock)

    def gate(self, bundle: Bundle, progress: Progress) -> Gated:
        """What is left of a bundle when all guilty candidates are out of it."""
        if self.seconds_left() <= 0:
            return Gated()
        progress.step(f"same answers? {', '.join(bundle.keys)}", 0, self.seconds_left())
        outcome = self.examine(bundle, progress)
        if isinstance(outcome, _Compared):
            return _gated(self.base, bundle, outcome)
        if len(bundle.candidates) > 1:
            return _rejoined(bundle, [self.gate(half, progress) for half in halves(bundle)])
        rejected = Rejected(
            bundle.keys[0],
            outcome.crashed,
            outcome.reason,
            outcome.output,
            outcome.counters,
            outcome.differences,
        )
        responses = {} if outcome.responses is None else {bundle.keys[0]: outcome.responses}
        return Gated((), (rejected,), responses)

    def examine(self, bundle: Bundle, progress: Progress) -> "_Failed | _Compared":
        """Runs all patches of the bundle together through every gate."""
        forbidden = [reason for one in bundle.candidates if (reason := _forbidden(one))]
        if forbidden:
            return _Failed(True, forbidden[0])
        try:
            with self.launching:
                tree = self.lab.tree(bundle.patches)
                running = self.lab.launch(tree, bundle.name, record="light", sql=bundle.sql)
        except UnslowError as error:
            lines = tuple(str(error).splitlines())
            return _Failed(True, f"it does not start: {_last_line(str(error))}", output=lines)
        try:
            return self._compared(bundle, running, progress)
        except OSError as error:
            lines = tuple(running.log_tail().splitlines())
            return _Failed(True, f"it stops answering: {error}", output=lines)
        except _Unprepared as error:
            return _Failed(True, str(error))
        finally:
            running.stop()

    def _compared(
        self, bundle: Bundle, running: Running, progress: Progress
    ) -> "_Failed | _Compared":
        base = self.base
        headers = self.sign_in(running) if self.sign_in else {}
        started = time.monotonic()
        played = play(running, headers, base.calls, progress)
        answers = [*played.answers, *play(running, headers, base.wide, progress).answers]
        changed = list(state.differences(base.end, running, self.apart))
        compared, effects = self._looked_at(answers, changed, running, started, progress)
        compared += _edge_comparison(running, headers, base, bundle.targets)
        for host in sorted(set(running.blocked) - base.blocked):
            effects.append(f"it reaches for {host}")
        return _judged(base, bundle, compared, effects, played)

    def _looked_at(
        self,
        answers: Answers,
        changed: Sequence[state.TableDifference],
        running: Running,
        started: float,
        progress: Progress,
    ) -> tuple[list[tuple[Call, str]], list[str]]:
        """What differs from the original, which is asked again before anything is called so."""
        judge, look = self.base.equivalence, self.base.look
        found = [one for _, one in judge.differences(answers) if one]
        if any(one.order for one in found):
            look.learn_order(progress)
            found = [one for _, one in judge.differences(answers) if one]
        effects = [one.sentence for one in changed]
        if changed:
            inspected = look.learn(
                started,
                progress,
                lambda again: list(state.explained(self.base.end, changed, again, running)),
            )
            effects = effects if inspected is None else inspected
        elif found:
            look.learn(started, progress)
        return list(judge.compare(answers)), effects


def _gated(base: Baseline, bundle: Bundle, outcome: _Compared) -> Gated:
    failed = {one.key for one in outcome.rejected}
    left = tuple(one for one in bundle.candidates if one.key not in failed)
    passed = (_passed(base, replace(bundle, candidates=left), outcome.played),) if left else ()
    return Gated(passed, tuple(outcome.rejected), outcome.responses)


def _rejoined(bundle: Bundle, parts: Sequence[Gated]) -> Gated:
    """What passed in parts is one bundle again: the parts touch other endpoints and other text."""
    passed = [one for part in parts for one in part.passed]
    whole: tuple[Passed, ...] = ()
    if passed:
        candidates = tuple(one for part in passed for one in part.bundle.candidates)
        left = replace(bundle, candidates=candidates)
        felt = frozenset(end for part in passed for end in part.felt) - left.targets
        counters = dict(passed[0].counters)
        cost_s = dict(passed[0].cost_s)
        for part in passed:
            counters |= {e: c for e, c in part.counters.items() if e in part.bundle.targets}
            cost_s |= {e: c for e, c in part.cost_s.items() if e in part.bundle.targets}
        indexed = {key: ends for part in passed for key, ends in part.indexed.items()}
        whole = (Passed(left, counters, felt, indexed, cost_s),)
    rejected = tuple(one for part in parts for one in part.rejected)
    return Gated(whole, rejected, {k: v for part in parts for k, v in part.responses.items()})


def _judged(
    base: Baseline,
    bundle: Bundle,
    compared: Sequence[tuple[Call, str]],
    effects: Sequence[str],
    played: Played,
) -> _Failed | _Compared:
    """Differences on a candidate's own endpoint are its own; any other is the whole bundle's."""
    different = {call.endpoint: sentence for call, sentence in reversed(compared) if sentence}
    elsewhere = [text for end, text in different.items() if end not in bundle.targets]
    elsewhere += effects
    if elsewhere:
        everything = summary(compared, base.equivalence.masked())
        first = everything.first_difference or elsewhere[0]  # an answer says more than a row
        return _Failed(
            False,
            first,
            msgspec.structs.replace(everything, first_difference=first),
            counters=count(played.recorded()),
            differences=different,
        )
    responses, rejected = {}, []
    for candidate in bundle.candidates:
        own = [one for one in compared if _concerns(one[0].endpoint, candidate, bundle)]
        ends_masked = (*base.equivalence.masked({call.endpoint for call, _ in own}),)
        found = msgspec.structs.replace(
            summary(own, (*ends_masked, *base.end.masked)), unused_masks=base.rules.unused()
        )
        responses[candidate.key] = found
        if found.first_difference:
            rejected.append(
                Rejected(
                    candidate.key,
                    False,
                    found.first_difference,
                    counters=count(played.recorded()),
                    differences={
                        end: one for end, one in different.items() if end in candidate.endpoints
                    },
                )
            )
    return _Compared(played, responses, rejected)


def _concerns(endpoint: str, candidate: Candidate, bundle: Bundle) -> bool:
    return endpoint in candidate.endpoints or endpoint not in bundle.targets


def _passed(base: Baseline, bundle: Bundle, played: Played) -> Passed:
    unequal = set(_unequal(base.statements, played.statements())) - base.noisy_statements
    felt = frozenset(base.calls[position].endpoint for position in unequal)
    indexed = {
        one.key: frozenset(
            end
            for table in indexed_tables(one.patch)
            for end, shapes in base.shapes.items()
            if end not in one.unharmed and edge.mentions(table, shapes)
        )
        for one in bundle.candidates
    }
    return Passed(bundle, count(played.recorded()), felt - bundle.targets, indexed, played.cost_s())


def _unequal(one: Sequence[Statements | None], other: Sequence[Statements | None]) -> Iterator[int]:
    """Positions of calls that did not send the database the same statements."""
    for position, (left, right) in enumerate(zip(one, other, strict=True)):
        if left is None or left != right:
            yield position


def _shapes(played: Played) -> dict[str, frozenset[str]]:
    shapes: dict[str, frozenset[str]] = {}
    for endpoint, request in played.recorded():
        own = frozenset(query.shape for query in request.queries)
        shapes[endpoint] = shapes.get(endpoint, frozenset()) | own
    return shapes


def _affordable(
    calls: Mapping[str, Call], cost_s: Mapping[str, float], budget_s: float
) -> dict[str, Call]:
    """The calls that fit into the time, the cheap ones first."""
    chosen = {}
    for endpoint in sorted(calls, key=lambda end: cost_s.get(end, 0.0)):
        budget_s -= cost_s.get(endpoint, 0.0)
        if budget_s < 0:
            break
        chosen[endpoint] = calls[endpoint]
    return chosen


def _edges(
    both: Sequence[tuple[Running, Headers]],
    requests: Sequence[Request],
    calls: Mapping[str, Call],
    visits: Mapping[str, Call],
    progress: Progress,
) -> Iterator[EdgeCase]:
    """Without a login; the `visits` of other users; then all `calls` on edge data."""
    before, again = both[0][0], both[1][0]
    if any(headers for _, headers in both) or any(
        edge.anonymous(call) != call for call in calls.values()
    ):
        case = EdgeCase(edge.ANONYMOUS, edge.Stage(edge.ANONYMOUS, ()))
        yield _judged_case(case, both, calls, progress)
    for kind, user in before.users().items() if visits else ():
        name = f"as {kind}"
        case = EdgeCase(name, edge.Stage(name, ()), user=user)
        with contextlib.suppress(UsageError):  # an application without sessions
            yield _judged_case(case, both, visits, progress)
    engine = next((one.engine for one in before.databases if one.engine != "redis"), "postgresql")
    for wanted in edge.stages(before.describe().models, requests, engine):
        stage = edge.run(before, wanted)
        if not stage.statements:
            continue
        if edge.run(again, stage) != stage:
            return  # from here on the two copies hold different data
        progress.step(f"edge data: {stage.name}", 0)
        yield _judged_case(EdgeCase(stage.name, stage), both, calls, progress)


def _judged_case(
    case: EdgeCase,
    both: Sequence[tuple[Running, Headers]],
    calls: Mapping[str, Call],
    progress: Progress,
) -> EdgeCase:
    """The case with what A and A' answer in it."""

    def ask(arm: tuple[Running, Headers], watched: Progress) -> list[tuple[Call, Answer]]:
        answers = []
        headers = _edge_headers(*arm, case)
        for endpoint, call in calls.items():
            watched.step(f"edge data: {endpoint}", 0)
            answers.append(_edge_answer(arm[0], headers, call, case))
        return answers

    first, second = at_once([partial(ask, arm) for arm in both], progress)
    judges = {
        end: Equivalence([one], [other])
        for end, one, other in zip(calls, first, second, strict=True)
    }
    return replace(case, judges=judges)


def _edge_headers(running: Running, headers: Headers, case: EdgeCase) -> Headers:
    if case.user:
        return running.login(case.user)
    return {} if case.name == edge.ANONYMOUS else headers


def _edge_answer(
    running: Running, headers: Headers, call: Call, case: EdgeCase
) -> tuple[Call, Answer]:
    if case.user or case.name == edge.ANONYMOUS:
        call = edge.anonymous(call)
    return one_answer(running, headers, call)


def _edge_comparison(
    running: Running, headers: Headers, base: Baseline, targets: Collection[str]
) -> Iterator[tuple[Call, str]]:
    """The comparisons on edge data, with the kind of data named in each difference."""
    for case in base.edges:
        if edge.run(running, case.stage) != case.stage:
            raise _Unprepared(f"its database refuses the edge data {case.name}")
        visitor = _edge_headers(running, headers, case)
        for endpoint, judge in case.judges.items():
            if endpoint in targets:
                call = base.edge_calls[endpoint]
                played = _edge_answer(running, visitor, call, case)
                judge.adopt(base.equivalence)
                for _, sentence in judge.compare([played]):
                    yield call, f"{sentence} ({case.name})" if sentence else ""


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
    """The exception that a traceback ends with, else what was said last."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    raised = [line for line in lines if _EXCEPTION.match(line)]
    return (raised or lines or [message])[-1]
