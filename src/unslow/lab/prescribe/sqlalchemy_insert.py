"""Inserts with one statement the rows that a loop inserts by SQLAlchemy's `insert()`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._layout import Call, lay_out, quoted
from unslow.lab.prescribe._locals import names
from unslow.lab.prescribe._loops import plural
from unslow.lab.prescribe._row_writes import (
    ELSEWHERE,
    RowWrite,
    after,
    before,
    bound,
    loop_refusal,
    row_write,
    shares,
    written,
)
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch, Recommendation, WriteEvidence

DETECTORS = frozenset({"row-by-row-write"})
FIXER = "sqlalchemy-insert"
SQL = frozenset(
    {"func", "text", "select", "literal", "literal_column", "case", "cast", "bindparam"}
)

UNPLAIN = "what each round inserts is not plain to see"
USED = "the loop uses what the statement returns"
COMPUTED = "the database computes a value of the row"
UNNAMED = "there is no free name for the rows"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch where each round executes an `insert()`."""
    found = written(finding, source, "sqlalchemy", "insert")
    if found is None:
        return
    evidence, model = found
    write = row_write(evidence.stack[0], model, source)
    if write is not None and chains.method(write.call) != "execute":
        return
    advice = _advice(write, evidence) if write is not None else ELSEWHERE
    if isinstance(advice, Patch):
        yield advice
    elif write is not None:
        summary = f"Insert the rows of {model.name} together: execute(insert({model.name}), rows)"
        yield Recommendation(FIXER, summary, advice)


def _advice(write: RowWrite, evidence: WriteEvidence) -> Patch | str:
    """The patch, or the reason why there is none."""
    if refusal := loop_refusal(write, evidence):
        return refusal
    if not write.is_statement():
        return USED
    insert = _insert(write)
    if insert is None:
        return UNPLAIN
    target, values = insert
    if any(names(arg.value) & SQL for arg in values.args):
        return COMPUTED
    if shares(write, [arg.value for arg in values.args]):
        return UNPLAIN
    rows = write.free_name(plural(write.model.name), "new_rows")
    if rows is None:
        return UNNAMED
    module = write.module
    session = chains.dotted(chains.receiver(write.call) or write.call)
    if (names(target) | {session.partition(".")[0]}) & bound(write):
        return UNPLAIN
    indent = module.indent(module.start(write.node))
    pairs = [f"{key}: {module.text(arg.value)}" for key, arg in _pairs(values)]
    row = _dictionary(pairs, indent, len(indent) + len(f"{rows}.append()"))
    outer = module.indent(module.start(write.loop))
    call = Call(f"    {write.prefix}{session}.execute", (module.text(target), rows))
    edits = [
        before(module, write.loop, f"{rows} = []"),
        module.replace(write.node, f"{rows}.append({row})"),
        after(module, write.loop, f"if {rows}:\n{lay_out(call, '    ', len(outer))}"),
    ]
    summary = f"Insert all rows of {write.model.name} with one statement: insert"
    return Patch(FIXER, summary, "review", tuple(edits))


def _insert(write: RowWrite) -> tuple[cst.Call, cst.Call] | None:
    """`insert(Model)` and `.values(...)` of the statement, which has nothing else."""
    if len(write.call.args) != 1 or write.call.args[0].keyword is not None:
        return None
    steps = [s for s in chains.chain(write.call.args[0].value) if isinstance(s, cst.Call)]
    if [chains.function(step) for step in steps] != ["values", "insert"]:
        return None
    values, target = steps
    named = all(arg.keyword is not None and not arg.star for arg in values.args)
    return (target, values) if named and values.args and _is_whole(target) else None


def _is_whole(target: cst.Call) -> bool:
    """`insert(Model)` and `table.insert()`."""
    return len(target.args) == (1 if isinstance(target.func, cst.Name) else 0)


def _pairs(values: cst.Call) -> Iterator[tuple[str, cst.Arg]]:
    for arg in values.args:
        if arg.keyword is not None:
            (key,) = quoted([arg.keyword.value])
            yield key, arg


def _dictionary(pairs: list[str], indent: str, used: int) -> str:
    """The pairs between braces, each on a line where the line is too short for all."""
    flat = f"{{{', '.join(pairs)}}}"
    if used + len(flat) <= 88 and "\n" not in flat:
        return flat
    inner = "".join(f"\n{indent}        {pair}," for pair in pairs)
    return f"\n{indent}    {{{inner}\n{indent}    }}\n{indent}"
