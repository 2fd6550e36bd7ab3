"""unused-index: no plan has the index, and PostgreSQL has never scanned it."""

from collections.abc import Iterator

from unslow.lab.diagnose._planned import nodes
from unslow.lab.diagnose._upkeep import finding, is_own, written
from unslow.lab.redundancy import is_unread, redundant
from unslow.model import Finding, Table, Trace

OWN_COLUMN = ("forward", "one-to-one")


def find(trace: Trace) -> Iterator[Finding]:
    """One finding per index that neither this workload nor the original's statistics know."""
    planned = {node.index for plan in trace.plans for node in nodes(plan.root) if node.index}
    for table, writes in written(trace):
        gone = {one.name for one, _ in redundant(table.indexes)}
        references = _references(trace, table)
        for one in table.indexes if is_own(trace, table) else ():
            if one.columns[:1] in references:
                continue  # it finds the children of a deleted row, however seldom that is
            if is_unread(one, table.scans) and one.name not in planned | gone:
                reason = f"{table.scans} reads of the original database did without"
                yield finding(trace, "unused-index", table, one, writes, reason, "likely")


def _references(trace: Trace, table: Table) -> set[tuple[str, ...]]:
    return {
        (relation.column,)
        for model in trace.models
        if model.table == table.name
        for relation in model.relations
        if relation.kind in OWN_COLUMN
    }
