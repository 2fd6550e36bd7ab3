"""Flushes or commits a session after the loop instead of in each of its rounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst
from msgspec.structs import replace

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._locals import names
from unslow.lab.prescribe._row_writes import (
    ELSEWHERE,
    SEVERAL,
    RowWrite,
    after,
    bound,
    line_end,
    loop_refusal,
    row_write,
    whole_line,
    within,
    written,
)
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Model, Patch, Recommendation, TextEdit, WriteEvidence

DETECTORS = frozenset({"row-by-row-write", "read-modify-write", "chatty-transaction"})
FIXER = "sqlalchemy-flush-once"

ADDING = frozenset({"add", "add_all", "merge", "append", "extend"})

USED = "the round goes on with what the database gave the row"
OTHER = "each round has a session of its own"
ALONE = "the call is not a statement of its own"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch where each round flushes or commits what it added or changed."""
    found = written(finding, source, "sqlalchemy", "insert", "update", "delete")
    if found is None:
        return
    evidence, model = found
    write = row_write(evidence.stack[0], model, source)
    ending = "commit" if finding.id == "chatty-transaction" else "flush"
    if write is not None and chains.method(write.call) != ending:
        return
    if write is None and ending == "flush" and evidence.operation != "insert":
        return
    advice = _advice(write, evidence) if write is not None else ELSEWHERE
    if isinstance(advice, Patch):
        yield advice
    else:
        yield _recommendation(model, advice)


def _advice(write: RowWrite, evidence: WriteEvidence) -> Patch | str:
    """The patch, or the reason why there is none."""
    if (refusal := loop_refusal(write, evidence)) and refusal != SEVERAL:
        return refusal
    module = write.module
    line = whole_line(module, write.node)
    block = module.parents[line] if line is not None else None
    if line is None or write.call.args or not isinstance(block, cst.IndentedBlock):
        return ALONE
    if len(block.body) == 1:
        return ALONE
    session = chains.dotted(chains.receiver(write.call) or write.call)
    if session.partition(".")[0] in bound(write):
        return OTHER
    if _goes_on(write, line):
        return USED
    edits = [module.without_line(line)]
    if not _is_flushed(write):
        edits = _moved(write, edits[0])
    verb = chains.method(write.call).capitalize()
    summary = f"{verb} the session once, after the loop"
    return Patch(FIXER, summary, "review", tuple(edits))


def _moved(write: RowWrite, removed: TextEdit) -> list[TextEdit]:
    """The flush after the loop; it takes the place of the removed line where that was the last."""
    module = write.module
    flush = module.text(write.node)
    if line_end(module, write.loop) > removed.end:
        return [removed, after(module, write.loop, flush)]
    indent = module.indent(module.start(write.loop))
    return [replace(removed, text=f"{indent}{flush}\n")]


def _goes_on(write: RowWrite, line: cst.SimpleStatementLine) -> bool:
    """Whether the loop uses a row that it added after the flush, or looks at the session."""
    added = {
        name
        for node in within(write.loop)
        if isinstance(node, cst.Call) and chains.method(node) in ADDING
        for arg in node.args
        for name in names(arg.value)
    }
    late = [
        node
        for name in added
        for node in write.reads(name)
        if write.module.start(node) > write.module.end(line)
    ]
    session = chains.dotted(chains.receiver(write.call) or write.call)
    refreshed = any(
        isinstance(node, cst.Call)
        and chains.method(node) in ("refresh", "expire", "expunge", "rollback", "begin_nested")
        and chains.dotted(chains.receiver(node) or node) == session
        for node in within(write.loop)
    )
    return bool(late) or refreshed


def _is_flushed(write: RowWrite) -> bool:
    """Whether the statement after the loop flushes (or commits) the session anyway."""
    siblings: Sequence[cst.CSTNode] = getattr(write.module.parents[write.loop], "body", ())
    place = next((n for n, one in enumerate(siblings) if one is write.loop), len(siblings))
    following = siblings[place + 1] if place + 1 < len(siblings) else None
    session = chains.dotted(chains.receiver(write.call) or write.call)
    if not isinstance(following, cst.SimpleStatementLine) or len(following.body) != 1:
        return False
    small = following.body[0]
    value = small.value if isinstance(small, cst.Expr) else None
    call = value.expression if isinstance(value, cst.Await) else value
    return (
        isinstance(call, cst.Call)
        and chains.method(call) in {"commit", chains.method(write.call)}
        and chains.dotted(chains.receiver(call) or call) == session
    )


def _recommendation(model: Model, reason: str) -> Recommendation:
    summary = f"Write the rows of {model.name} together, and flush or commit once after the loop"
    return Recommendation(FIXER, summary, reason)
