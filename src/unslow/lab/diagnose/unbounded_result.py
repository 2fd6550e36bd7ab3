"""unbounded-result: a list without a limit, which gets longer with its table."""

from collections.abc import Iterator

from pglast import ast

from unslow.lab.diagnose import _statements as statements
from unslow.lab.diagnose import _views as views
from unslow.lab.diagnose._grown import Grown, finding, grown
from unslow.model import Finding, GrowthEvidence, Model, Table, Trace

MOST_EXECUTIONS = 2  # of the statement in a request; more is a loop, which others look at
MIN_AT_100 = 5000  # rows at a hundred times the data; a list of some hundred hurts nobody
MIN_BYTES = 10  # of the response for each row; fewer, and the rows are counted or picked from
FOLLOWING = 0.5  # of the table's own growth, that the list must follow
GROWING = ("linear", "quadratic")


def find(trace: Trace) -> Iterator[Finding]:
    """One finding per statement whose rows grow with the table and go into the response."""
    for one in grown(trace):
        if _grows(one) and _is_sent(one) and _is_open(one, trace):
            yield _finding(trace, one)


def _grows(one: Grown) -> bool:
    returned = one.each(one.statement.returned)
    fitted = one.fitted(returned)
    follows = returned[-1] >= FOLLOWING * returned[0] * one.sizes[-1] / one.sizes[0]
    return (
        max(one.statement.executions) <= MOST_EXECUTIONS
        and returned[0] > 0
        and follows
        and fitted.growth in GROWING
        and fitted.at_100 >= MIN_AT_100
    )


def _is_sent(one: Grown) -> bool:
    """Whether the response grows by what a list of the rows needs."""
    sent, returned = one.growth.values["bytes"], one.statement.returned
    more = sent[-1] - sent[0]
    return one.growth.bytes in GROWING and more >= MIN_BYTES * (returned[-1] - returned[0])


def _is_open(one: Grown, trace: Trace) -> bool:
    """Whether nothing bounds the list: no limit, group, parent, window of time, or list of keys."""
    query = one.query
    tree = statements.parse(query.sql)
    if not isinstance(tree, ast.SelectStmt) or views.is_eager(query) or not tree.fromClause:
        return False
    if tree.limitCount or tree.groupClause or tree.distinctClause or tree.op:
        return False
    if one.runs[0][0].method != "GET":
        return False
    keys = _keys(trace)
    for access in statements.accesses(query.sql).values():
        for condition in access.conditions:
            if condition.role in ("range", "list"):
                return False
            if condition.role == "equality" and (access.table, condition.column) in keys:
                return False
    return True


def _keys(trace: Trace) -> set[tuple[str, str]]:
    """Columns of which a value stands for a few rows: foreign keys, what indexes begin with."""
    found = {pair for model in trace.models for pair in _of_model(model)}
    return found | {pair for table in trace.tables for pair in _of_table(table)}


def _of_model(model: Model) -> Iterator[tuple[str, str]]:
    table = model.table.rpartition(".")[2]
    for relation in model.relations:
        if relation.column:
            yield table, relation.column


def _of_table(table: Table) -> Iterator[tuple[str, str]]:
    for index in table.indexes:
        for column in index.columns if index.unique else index.columns[:1]:
            yield table.name, column


def _finding(trace: Trace, one: Grown) -> Finding:
    returned = one.each(one.statement.returned)
    fitted = one.fitted(returned)
    evidence = GrowthEvidence(
        counter="rows_returned",
        growth=fitted.growth,
        sizes=one.sizes,
        values=returned,
        at_10=fitted.at_10,
        at_100=fitted.at_100,
        reason="a limit changes what the clients of the endpoint get",
        advice="Return a page: a limit of some hundred rows at most, in a fixed order, and the "
        "last row's key for the next page; stream what is an export",
        shape=one.query.shape,
        example_sql=one.query.sql,
    )
    title = (
        f"returns all {returned[0]:.0f} rows of a list without a limit, "
        f"{fitted.at_100:.0f} at 100 times the data"
    )
    return finding(trace, "unbounded-result", one, title, evidence, "likely")
