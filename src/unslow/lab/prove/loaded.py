"""Judges a change by how it bears load, where CPU does not tell: waiting and capacity."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import msgspec

from unslow.lab.prove import outcome
from unslow.lab.prove.capacity import prove_capacity
from unslow.lab.prove.counters import Counted
from unslow.lab.prove.schedule import Arm, SignIn
from unslow.lab.prove.waiting import prove_latency
from unslow.lab.target import Lab
from unslow.lab.workload import Workload
from unslow.model import EndpointEffect, Verdict
from unslow.progress import Progress

LoadMeasure = Literal["latency", "throughput"]
Counts = Mapping[str, Counted]


def judge_loaded(
    lab: Lab,
    workload: Workload,
    arms: tuple[Arm, Arm],
    counts: tuple[Counts, Counts],
    measure: LoadMeasure,
    *,
    seconds_left: Callable[[], float],
    max_slowdown: float,
    progress: Progress,
    seed: int = 0,
    sign_in: SignIn | None = None,
) -> Verdict:
    """The verdict on the second of two `arms` that have passed the gates; every endpoint is
    listed with its `counts`. Raises `UnslowError` when the first fails."""
    prove = prove_latency if measure == "latency" else prove_capacity
    verdict = prove(
        lab,
        workload,
        *arms,
        seconds_left=seconds_left,
        progress=progress,
        max_slowdown=max_slowdown,
        seed=seed,
        sign_in=sign_in,
    )
    effects = tuple(_counted(verdict, workload, *counts))
    return msgspec.structs.replace(verdict, effects=effects)


def _counted(
    verdict: Verdict, workload: Workload, before: Counts, after: Counts
) -> Iterator[EndpointEffect]:
    """Every endpoint with its counters; what was not loaded by itself was not run."""
    loaded = {effect.endpoint: effect for effect in verdict.effects}
    for end in workload.endpoints:
        counted = outcome.counted(end, before, after)
        if end in loaded:
            yield msgspec.structs.replace(
                loaded[end], queries=counted.queries, rows=counted.rows, bytes=counted.bytes
            )
        else:
            yield msgspec.structs.replace(counted, verdict="not-run")
