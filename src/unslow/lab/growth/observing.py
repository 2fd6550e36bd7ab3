"""Observes the workload while the data grow: one clone for each size."""

from collections.abc import Sequence
from functools import partial

import msgspec

from unslow.lab import plans
from unslow.lab._observation import observe
from unslow.lab.growth.amplify import Amplified, amplify, told
from unslow.lab.growth.classifying import classify
from unslow.lab.growth.counting import Size, count
from unslow.lab.target import Database, Description, Lab
from unslow.lab.workload import Workload
from unslow.model import Trace
from unslow.model.growth import GrownData, UngrownTable
from unslow.progress import Progress


def observe_growing(
    lab: Lab,
    workload: Workload,
    description: Description,
    login: str,
    sizes: Sequence[int],
    progress: Progress,
) -> tuple[Trace, GrownData]:
    """The trace of the largest size, with the growth of every endpoint.

    `sizes` are ascending multiples of the data as it is, each a multiple of the one before. The
    copies that clones are made from stay at the largest size.
    """
    counted: list[Size] = []
    rows: list[int] = []
    ungrown: dict[str, str] = {}
    trace: Trace | None = None
    for before, size in zip((1, *sizes), sizes, strict=False):
        if size > before:
            steps = _grow(lab, size // before, before, progress)
            if not rows:
                rows += [sum(step.before for step in steps)] * (sizes[0] == 1)
            rows.append(sum(step.before + step.rows for step in steps))
            ungrown |= {one.table: one.why for step in steps for one in step.ungrown}
        trace = observe(
            lab,
            workload,
            description,
            login,
            partial(_collect, counted, size == sizes[-1]),
            progress,
            name=f"observe at {size}×",
            whole_rounds=1,
        )
    assert trace is not None
    left = tuple(UngrownTable(table, why) for table, why in ungrown.items())
    data = GrownData(tuple(sizes), tuple(rows), left)
    return msgspec.structs.replace(trace, growth=classify(sizes, counted)), data


def _collect(
    counted: list[Size], is_last: bool, seen: Trace, databases: Sequence[Database]
) -> Trace:
    counted.append(count(seen, databases))
    return plans.collect(seen, databases) if is_last else seen


def _grow(lab: Lab, factor: int, reached: int, progress: Progress) -> list[Amplified]:
    """Make the copies that clones are made from `factor` times as long."""
    progress.stage(f"grow the data to {reached * factor}×")
    steps: list[Amplified] = []
    lab.change(lambda database: steps.append(amplify(database, factor, reached)))
    for step in steps:
        progress.note(told(step))
    return steps
