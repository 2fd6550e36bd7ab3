"""The selftest, on one screen: record launch sets, resample them into trials, sum up."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from unslow import __version__
from unslow.lab._observation import prepare
from unslow.lab.prove.schedule import AGAIN, BEFORE
from unslow.lab.selftest.delay import DELAYS, KINDS
from unslow.lab.selftest.record import Recorded, record
from unslow.lab.selftest.resample import Claimed, Trials, reduced, resample, smallest_gain
from unslow.lab.selftest.summary import summarise
from unslow.lab.target import Description, Lab, Running, Target
from unslow.lab.workload import Wanted
from unslow.model import SCHEMA_VERSION, Environment, Report, Selftest, TargetInfo, Total
from unslow.progress import Progress

FALSE_TRIALS = 1000  # none of them proven bounds the rate below 0.4 %
POWER_TRIALS = 300
RESAMPLING_SHARE = 0.12  # of the time, for the trials
LEAVING_S = 4.0  # to stop the database and write the report


@dataclass(frozen=True)
class Options:
    """What the user may choose. `seconds_left` bounds all of it. Only reads are sent."""

    seconds_left: Callable[[], float]
    wanted: Wanted = field(default_factory=Wanted)
    login: str = ""
    seed: int = 0


def selftest(target: Target, options: Options, progress: Progress) -> Report:
    """How often a proof on this machine would be wrong, and how much it can see.

    Raises `UnslowError` when the application fails or the time does not suffice.
    """
    started = time.monotonic()
    reserve_s = options.seconds_left() * RESAMPLING_SHARE + LEAVING_S
    with Lab(target, progress) as lab:
        wanted = replace(options.wanted, writes=False)
        workload, description = prepare(lab, wanted, options.login, progress)

        def sign_in(app: Running) -> Mapping[str, str]:
            return app.login(options.login) if options.login else {}

        progress.stage("measure identical and slowed-down arms")
        recorded = record(
            lab,
            workload,
            DELAYS,
            seconds_left=lambda: options.seconds_left() - reserve_s,
            seed=options.seed,
            sign_in=sign_in,
            progress=progress,
        )
    progress.stage("resample trials")
    found = judged(recorded, options.seed, lambda: options.seconds_left() - LEAVING_S)
    return _report(target, description, found, time.monotonic() - started)


def judged(
    recorded: Recorded,
    seed: int,
    seconds_left: Callable[[], float],
    *,
    false_trials: int = FALSE_TRIALS,
    power_trials: int = POWER_TRIALS,
) -> Selftest:
    """What trials that are resampled from the recorded sets come to: `false_trials` of identical
    code, `power_trials` of each delay, or what the time allows."""
    claims: dict[str, tuple[Claimed, int]] = {}
    least: dict[str, float] = {}
    for kind in KINDS:
        sets = tuple(reduced(one, recorded.metric(kind)) for one in recorded.sets)
        same = Claimed(BEFORE, AGAIN, sets)
        claims[kind] = same, false_trials
        least[kind] = smallest_gain(same, recorded.endpoints, seed=seed, seconds_left=seconds_left)
        for delay in recorded.delays:
            if delay.kind == kind:
                slowed = tuple(one for one in sets if delay.arm in one.samples)
                claims[delay.arm] = Claimed(delay.arm, BEFORE, slowed), power_trials
    trials: dict[str, Trials] = resample(
        claims, recorded.endpoints, seed=seed, seconds_left=seconds_left
    )
    return summarise(recorded, trials, least, seed)


def _report(target: Target, description: Description, found: Selftest, seconds: float) -> Report:
    return Report(
        schema=SCHEMA_VERSION,
        unslow=__version__,
        target=TargetInfo(
            description.kind, description.framework, description.database, str(target.root)
        ),
        environment=Environment(len(os.sched_getaffinity(0)), description.python),
        endpoints=(),
        findings=(),
        skipped=(),
        total=Total(None, 0, 0, 0),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 1),
        selftest=found,
    )
