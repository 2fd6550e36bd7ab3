"""Tries the chosen indexes by execution on the clone, and keeps those that statements are faster
with, by more than they charge the writes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from unslow.lab.indexing.candidates import Candidate
from unslow.lab.indexing.workload import Workload
from unslow.lab.prove import flip
from unslow.lab.prove._stand import Alternative, Built, Stand
from unslow.lab.prove.flip import Flipped, Statement
from unslow.lab.prove.writes import charge, outweighs
from unslow.model import Change, Flip, Writes

READS_SHARE = 0.6  # of the seconds; the rest is for the writes
LEAST_SAVED = (
    0.005  # of the statements' time without any; below it an index is not worth its upkeep
)
LEAST_SHOWN = 0.02  # of what an index saves, for a statement to be named
LOOKS = 3  # blocks of a look at what can go; there is one after each that went
BLOCKS = 8  # of the final figure


@dataclass(frozen=True)
class Kept:
    """An index that is worth it. `ms` is the statements' time without and with it, None where the
    time did not suffice or they write."""

    candidate: Candidate
    built: Built
    ms: Change | None
    statements: tuple[str, ...]
    evidence: float
    writes: Writes


@dataclass
class Tried:
    kept: list[Kept] = field(default_factory=list)
    rejected: dict[Candidate, str] = field(default_factory=dict)
    flip: Flip | None = None


def execute(
    stand: Stand,
    chosen: Sequence[Candidate],
    workload: Workload,
    *,
    random: Random,
    seconds_left: Callable[[], float],
    most_bytes: int | None = None,
) -> Tried:
    """Execute the statements with all that was chosen, with all but one, and with none.

    The stand's union holds the chosen ones, and maybe others. An index for which nothing was
    executed, as its statements write, stays as the planner wants it.
    """
    found = Tried()
    total = seconds_left()
    by_candidate = {one: stand.built.get(one.sql()) for one in chosen}
    left = {one: built for one, built in by_candidate.items() if built is not None}
    for one in by_candidate.keys() - left.keys():
        found.rejected[one] = stand.refused.get(one.sql(), "it was not built")
    reads = _reads(workload, left)
    least_ms = LEAST_SAVED * _spent_ms(stand, reads, random, seconds_left)
    ways: dict[Candidate, Flip] = {}  # as last measured: the time may end before the next look
    while left:
        measured = _leave_one_out(
            stand, left, reads, random, lambda: seconds_left() - total * (1 - READS_SHARE)
        )
        for one, built in left.items():
            if measured.values(_alternative(measured, built)):
                ways[one] = measured.flip(_alternative(measured, built))
        worst = _worst(measured, left, workload, least_ms)
        dropped = [worst] if worst else _too_large(left, ways, most_bytes)
        for one, reason in dropped:
            found.rejected[one] = reason
            del left[one]
        if not dropped:
            break
    if not left:
        return found
    for one, built in left.items():
        found.kept.append(_kept(stand, one, built, ways.get(one), workload, random, seconds_left))
    _charge(found, workload)
    kept = [one.built for one in found.kept]
    if kept and reads:
        after = Alternative("after", stand.without(*kept))
        none = Alternative("none", stand.without())
        whole = flip.measure(
            stand.connection,
            none,
            {after: reads},
            random=random,
            seconds_left=lambda: max(seconds_left(), 1.0),
            most_blocks=BLOCKS,
        )
        found.flip = whole.flip(after) if whole.statements(after) else None
    return found


def _reads(workload: Workload, left: dict[Candidate, Built]) -> list[Statement]:
    tables = {one.table for one in left}
    return [
        one.read
        for one in workload.questions
        if not one.only_planned and not tables.isdisjoint(one.tables)
    ]


def _spent_ms(
    stand: Stand,
    reads: Sequence[Statement],
    random: Random,
    seconds_left: Callable[[], float],
) -> float:
    """What a round of the statements takes with none of the indexes."""
    none, every = Alternative("none", stand.without()), Alternative("all")
    found = flip.measure(
        stand.connection,
        none,
        {every: reads},
        random=random,
        seconds_left=seconds_left,
        most_blocks=1,
    )
    return found.flip(every).ms.before


def _leave_one_out(
    stand: Stand,
    left: dict[Candidate, Built],
    reads: Sequence[Statement],
    random: Random,
    seconds_left: Callable[[], float],
) -> Flipped:
    """Each of the left ones taken away, against all of them."""
    standing = tuple(left.values())
    every = Alternative("all", stand.without(*standing))
    ways = {
        Alternative(one.name, stand.without(*(b for b in standing if b is not one))): [
            read for read in reads if one.relation in read.relations
        ]
        for one in standing
    }
    return flip.measure(
        stand.connection,
        every,
        ways,
        random=random,
        seconds_left=seconds_left,
        most_blocks=LOOKS,
    )


def _worst(
    measured: Flipped, left: dict[Candidate, Built], workload: Workload, least_ms: float
) -> tuple[Candidate, str] | None:
    """The index that is least worth keeping, with the reason; None when all are."""
    useless: list[tuple[float, Candidate, str]] = []
    for one, built in left.items():
        way = _alternative(measured, built)
        if not measured.statements(way) or _is_for_writes(one, workload):
            continue
        if not measured.changes_plans(way):
            useless.append((0.0, one, "beside the others the planner uses it for no statement"))
            continue
        saved = -measured.saved_ms(way)  # the way is the one without it
        if not measured.values(way):
            continue
        if saved < least_ms:
            reason = f"without it its statements take {max(saved, 0.0):.3g} ms more a round"
            if measured.judgement(way).kind == "proven":
                reason = "its statements are faster without it"
            useless.append((saved, one, reason))
    if not useless:
        return None
    _, one, reason = min(useless, key=lambda each: (each[0], -left[each[1]].bytes))
    return one, reason


def _too_large(
    left: dict[Candidate, Built], ways: dict[Candidate, Flip], most_bytes: int | None
) -> list[tuple[Candidate, str]]:
    """What saves least for its size, where all that is left is too large."""

    def worth(one: Candidate) -> float:
        saved = ways[one].ms.after - ways[one].ms.before if one in ways else 0.0
        return saved / max(left[one].bytes, 1)

    size, found = sum(one.bytes for one in left.values()), []
    for one in sorted(left, key=worth):
        if most_bytes is None or size <= most_bytes:
            break
        size -= left[one].bytes
        found.append((one, "it saves less for its size than the others, which fill it"))
    return found


def _is_for_writes(one: Candidate, workload: Workload) -> bool:
    """Whether statements that are never executed may want it."""
    return any(
        asked.only_planned and asked.may_use(one.table, one.columns, one.held)
        for asked in workload.questions
    )


def _alternative(measured: Flipped, built: Built) -> Alternative:
    return next(one for one in measured.reads if one.name == built.name)


def _kept(
    stand: Stand,
    one: Candidate,
    built: Built,
    way: Flip | None,
    workload: Workload,
    random: Random,
    seconds_left: Callable[[], float],
) -> Kept:
    """`way` is what was measured without the index, None where nothing was."""
    writes = charge(
        stand,
        built,
        [write for write in workload.writes if write.table == built.relation],
        random=random,
        seconds_left=seconds_left,
    )
    if way is None:
        return Kept(one, built, None, (), 0.0, writes)
    gains = {row.shape: row.ms.after - row.ms.before for row in way.statements if not row.same_plan}
    helped = [name for name in gains if gains[name] > LEAST_SHOWN * sum(gains.values())]
    shapes = tuple(sorted(helped, key=lambda name: -gains[name]))
    ms = Change(way.ms.after, way.ms.before)
    return Kept(one, built, ms, shapes, way.evidence, writes)


def _charge(found: Tried, workload: Workload) -> None:
    """Give up what its observed writes surely pay more for than its reads save."""
    for one in list(found.kept):
        if one.ms is None or _is_for_writes(one.candidate, workload):
            continue
        saved = one.ms.before - one.ms.after
        if outweighs([one.writes], saved):
            found.kept.remove(one)
            cost = one.writes.ms_per_round
            found.rejected[one.candidate] = (
                f"its writes cost {cost:.3g} ms more a round, its reads save {saved:.3g} ms"
            )
