"""Compares two services that are already running, as far as that can be judged from outside."""

import math
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random

import msgspec

from unslow import __version__
from unslow.errors import UsageError
from unslow.lab.compare._options import Options
from unslow.lab.compare._remote_blocks import EVEN, Blocks
from unslow.lab.compare._remote_gate import Gated, gate
from unslow.lab.compare._remote_service import Service, service
from unslow.lab.compare._remote_workload import Planned, plan
from unslow.lab.prove.change import CANDIDATE, claims, verdict_of
from unslow.lab.prove.evidence import fewest_pairs
from unslow.lab.prove.judge import of_change
from unslow.lab.prove.rules import Rules
from unslow.lab.prove.schedule import AGAIN, BEFORE
from unslow.lab.prove.session import Clock, deadline, weights
from unslow.lab.prove.trial import REPLICATION_SETS, Trial
from unslow.lab.target import RouteMask
from unslow.model import (
    SCHEMA_VERSION,
    Calibration,
    Comparison,
    Environment,
    Interval,
    Noise,
    Report,
    TargetInfo,
    Total,
    Verdict,
)
from unslow.progress import Progress

GATE_SHARE = 0.3  # of the budget, until which the base is asked for more than its fewest calls
MEASURE_SHARE = 0.8  # of what is left then, for the fewest blocks that can prove anything
CALLS_IN_BLOCK = 10  # of an endpoint and an arm, on a machine that is as quick as in the gates
PROCESS_EFFECT = 0.1
"""How far apart two processes of the same code may lie for as long as they live.

Launch pairs of one version differ by 1 to 3 % CPU (standard deviation): memory layout, hash seed,
what was imported first. Three of those.
"""
NOT_LAUNCHED = (
    "the services were running: launches could not be randomised, so what is peculiar to one "
    f"process is not excluded, and a difference below {PROCESS_EFFECT:.0%} is not believed"
)
NO_CLONES = "both services work on their own data, which are no clones of one another; {}"
READS = "only reads were sent, and what they may have changed was not compared"
WRITES = "writes were sent, and what they changed was not compared"
NOT_COUNTED = "queries cannot be counted from outside"


def compare(
    base_url: str,
    candidate_url: str,
    options: Options,
    progress: Progress,
    masks: Mapping[str, RouteMask] | None = None,
) -> Report:
    """The report whose `comparison` holds the verdict on the service at `candidate_url`.

    `masks` are the user's own, by glob of routes: what of the answers is not compared.
    Raises `UsageError` for addresses that are not services of this machine, or when nothing is
    known of what to ask; `UnslowError` when the base stops answering.
    """
    started = time.monotonic()
    if options.measure != "cpu":
        raise UsageError(
            f"--measure {options.measure} needs services that unslow starts: unslow prove "
            "'COMMAND' 'OTHER COMMAND'"
        )
    progress.stage("find out what to ask")
    base, candidate = service(base_url), service(candidate_url)
    if base.base_url == candidate.base_url:
        raise UsageError(f"{base_url} and {candidate_url} are the same service")
    planned = plan(base, candidate, options.wanted)
    seconds_left = deadline(options.budget_s)
    progress.stage("check that answers are the same", len(planned.calls))
    gate_ends = deadline(options.budget_s * GATE_SHARE)
    gated = gate(base, candidate, planned, progress, gate_ends, Rules(masks or {}))
    if gated.kind is not None:
        verdict = Verdict(gated.kind, gated.reason, responses=gated.responses)
        report = _report(base, candidate, planned, gated, options, verdict)
    else:
        trial = _measured(base, candidate, gated, options, progress, seconds_left)
        verdict = _verdict(trial, gated)
        report = _report(base, candidate, planned, gated, options, verdict, trial)
    return msgspec.structs.replace(report, seconds=round(time.monotonic() - started, 1))


def _measured(
    base: Service,
    candidate: Service,
    gated: Gated,
    options: Options,
    progress: Progress,
    seconds_left: Clock,
) -> Trial:
    progress.stage("measure", None)
    blocks = Blocks(
        {BEFORE: base, AGAIN: base, CANDIDATE: candidate, EVEN: candidate},
        gated.workload,
        gated.costs,
        gated.once,
        Random(options.seed),
        progress,
        seconds_left,
    )
    trial = Trial(
        claims(chosen(gated, seconds_left())),
        weights(gated.workload),
        gated.costs,
        blocks,
        seconds_left,
        rules=of_change(options.max_slowdown),
        first_launch_s=0.0,
    )
    trial.run(REPLICATION_SETS)
    progress.stage("replicate on held-out requests", REPLICATION_SETS)
    trial.replicate()
    return trial


def chosen(gated: Gated, seconds: float) -> tuple[str, ...]:
    """The endpoints that can be measured often enough, those that seem to differ most first."""
    before, after = gated.costs[BEFORE], gated.costs[CANDIDATE]
    seconds *= MEASURE_SHARE / (fewest_pairs() + REPLICATION_SETS)
    found: list[str] = []
    for end in sorted(gated.workload.endpoints, key=lambda end: -abs(after[end] - before[end])):
        needed = CALLS_IN_BLOCK * (before[end] + after[end])
        if needed <= seconds or not found:
            seconds -= needed
            found.append(end)
    return tuple(end for end in gated.workload.endpoints if end in found)


def _verdict(trial: Trial, gated: Gated) -> Verdict:
    found = verdict_of(trial, gated.workload.endpoints)
    reason = found.reason.partition("\n")[0].replace("launch pairs", "blocks")
    found = msgspec.structs.replace(found, reason=reason, responses=gated.responses, unit="block")
    if found.verdict in ("proven", "slower") and not _beyond_processes(found):
        reason = (
            f"{reason}, but two processes of the same code may differ by {PROCESS_EFFECT:.0%}; "
            "let unslow start both: unslow prove 'COMMAND' 'OTHER COMMAND'"
        )
        found = msgspec.structs.replace(found, verdict="inconclusive", reason=reason)
    return found


def _beyond_processes(found: Verdict) -> bool:
    """Whether an interval that the verdict can rest on lies beyond what processes differ by."""
    if found.verdict == "proven":
        every = [found.speedup, *(one.speedup for one in found.effects)]
        return any(one is not None and one.low > 1 / (1 - PROCESS_EFFECT) for one in every)
    return any(_slower(one) for one in (found.speedup, *(one.speedup for one in found.effects)))


def _slower(speedup: Interval | None) -> bool:
    return speedup is not None and speedup.high < 1 / (1 + PROCESS_EFFECT)


def _report(
    base: Service,
    candidate: Service,
    planned: Planned,
    gated: Gated,
    options: Options,
    verdict: Verdict,
    trial: Trial | None = None,
) -> Report:
    notes = [
        NOT_LAUNCHED,
        NO_CLONES.format(WRITES if any(call.writes for call in gated.workload.calls) else READS),
        NOT_COUNTED,
    ]
    if options.login:
        notes.append(f"nobody was logged in as {options.login}: send --header or --cookie")
    comparison = Comparison(
        base=base.label,
        candidate=candidate.label,
        verdict=verdict,
        only_base=planned.only_base,
        only_candidate=planned.only_candidate,
        max_slowdown=options.max_slowdown,
        notes=tuple(notes),
    )
    return Report(
        schema=SCHEMA_VERSION,
        unslow=__version__,
        target=TargetInfo("service", "", "", "."),
        environment=_environment(trial.calibration() if trial else None),
        endpoints=(),
        findings=(),
        skipped=gated.workload.skipped,
        total=Total(verdict.speedup, 0, 0, 0),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        comparison=comparison,
    )


def _environment(found: Calibration | None) -> Environment:
    noise = None
    if found is not None and math.isfinite(found.noise):
        noise = Noise(found.noise, found.waiting_share, found.smallest_detectable, found.pairs)
    return Environment(len(os.sched_getaffinity(0)), "", noise)
