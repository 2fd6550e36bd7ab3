"""unindexed-filter: a whole table is read for the few rows that a condition or a join wants."""

from collections.abc import Iterator

from unslow.lab.diagnose._needs import Need, equalities, estimated_selectivity, findings
from unslow.lab.diagnose._scans import (
    MIN_SHARE,
    SELECTIVE,
    Scan,
    is_served,
    mentions,
    scans,
)
from unslow.lab.diagnose._statements import Condition, count_conjuncts
from unslow.model import Finding, PlanNode, Trace
from unslow.model.finding import Confidence

ORDERED_ROWS = 100  # used per execution; fewer are sorted in no time
CERTAIN_SELECTIVITY = 0.05  # rows used of rows read


def find(trace: Trace) -> Iterator[Finding]:
    """One finding per index that selective conditions want and no index serves."""
    needs = (need for scan in scans(trace) if (need := _need(scan)) is not None)
    return findings(trace, "unindexed-filter", needs, _title)


def _need(scan: Scan) -> Need | None:
    if not scan.is_large:
        return None
    if scan.is_selective:
        return _own_filter(scan)
    return _join(scan)


def _own_filter(scan: Scan) -> Need | None:
    conditions = _plainest(scan.conditions(f"{scan.node.filter} {scan.node.condition}"))
    if scan.share() < MIN_SHARE:
        return None
    is_residual = len(conditions) < count_conjuncts(scan.node.filter)
    if is_residual and estimated_selectivity(scan.table, conditions) > SELECTIVE:
        return None
    equality = equalities(scan.table, conditions)
    ranges = tuple(dict.fromkeys(one.column for one in conditions if one.role == "range"))
    in_order = scan.node.node.startswith("Index")  # stops at the limit: more rows may match
    ordered = in_order or scan.node.rows >= ORDERED_ROWS
    order = scan.access.order if ordered and scan.access.limited else ()
    if any(one.role == "list" for one in equality):
        order = ()
    names = tuple(one.key for one in equality)
    if is_served(scan.table, names, ranges, ()) and (
        not order or is_served(scan.table, names, ranges, order)
    ):
        return None
    is_clear = scan.node.rows <= scan.read * CERTAIN_SELECTIVITY
    confidence: Confidence = "certain" if is_clear else "likely"
    return Need(scan, equality, ranges, order, scan.share(), scan.node.rows, confidence)


def _plainest(conditions: list[Condition]) -> list[Condition]:
    """Those on plain columns; on functions of columns where there are no others."""
    return [one for one in conditions if not one.function] or conditions


def _join(scan: Scan) -> Need | None:
    """A join that needs few of the rows, because its other side is small."""
    join, side = _nearest_join(scan)
    if scan.node.node != "Seq Scan" or join is None or join.rows > scan.read * SELECTIVE:
        return None
    others = [child.rows for child in join.children if child is not side]
    if not others or max(others) > scan.read * SELECTIVE:
        return None
    equality = equalities(scan.table, _keys(scan, join))[:1]
    names = tuple(one.column for one in equality)
    share = scan.share(join)
    if not names or share < MIN_SHARE or is_served(scan.table, names, (), ()):
        return None
    return Need(scan, equality, (), (), share, join.rows, "likely")


def _nearest_join(scan: Scan) -> tuple[PlanNode | None, PlanNode]:
    side = scan.node
    for node in scan.above:
        if len(node.children) > 1:
            return (node if _keys(scan, node) else None), side
        side = node
    return None, side


def _keys(scan: Scan, join: PlanNode) -> list[Condition]:
    """The scan's columns that the join compares."""
    return [
        one
        for one in scan.access.conditions
        if one.role == "join" and mentions(join.condition, f"{scan.node.alias}.{one.column}")
    ]


def _title(endpoint: str, need: Need) -> str:
    read = f"reads {need.scan.read} rows of {need.scan.table.name}"
    return f"{endpoint} {read} to use {need.used}"
