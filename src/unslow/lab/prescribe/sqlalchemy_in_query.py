"""Asks once for what a loop asks row by row: one IN query, or a GROUP BY, before the loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._callers import (
    Calling,
    assigned_in,
    bound_in,
    calling_loop,
    parameters,
    takes_one_more,
)
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._locals import names
from unslow.lab.prescribe._loops import is_undisturbed, loop_of, writes
from unslow.lab.prescribe._one_query import OneQuery, Place, key_of
from unslow.lab.prescribe._reads import Read, read_at
from unslow.lab.prescribe._result_rows import Rows
from unslow.lab.prescribe._source import Source
from unslow.lab.prescribe._uses import prefer
from unslow.model import Finding, Patch, Recommendation, RepeatEvidence, Site, TextEdit

DETECTORS = frozenset({"repeated-query"})
FIXER = "sqlalchemy-in-query"
KINDS = frozenset({"get", "select", "count", "exists", "aggregate"})

PLAIN = "how the result is read is not plain to see"
ELSEWHERE = "the loop that asks for each row is in another function"
DISTURBED = "the loop writes, or handles errors"
GONE = "the rows that the loop runs over may be gone after reading them once"
DEPENDS = "the statement depends on the row by more than a key"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for each statement that a loop runs for each of its rows."""
    if not isinstance(finding.evidence, RepeatEvidence):
        return
    for position, repeated in enumerate(finding.evidence.loads):
        load = repeated.load
        if load is None or load.orm != "sqlalchemy" or load.relation or load.kind not in KINDS:
            continue
        stacks: list[tuple[Site, ...]] = [
            (site,) for site in (*repeated.uses, finding.cause) if site
        ]
        links = load.queryset.links if load.queryset else ()
        stacks += [(stacks[0][0], *link.stack[1:]) for link in links[-1:] if stacks]
        written = _best([_patch(stack, position, source) for stack in stacks])
        if isinstance(written, Patch):
            yield written
        elif written:
            name = load.model.rpartition(".")[2] or "the table"
            summary = f"Read the rows of {name} together: one query with .in_(keys)"
            yield Recommendation(FIXER, summary, written)


def _best(advice: list[Patch | str]) -> Patch | str:
    patch = next((one for one in advice if isinstance(one, Patch)), None)
    return patch or next(reversed(advice), "")


def _patch(stack: Sequence[Site], position: int, source: Source) -> Patch | str:
    """The patch for the read at `stack[0]`, or the reason why there is none."""
    module = source.module(stack[0].path)
    node = module.at(stack[0]) if module else None
    read = read_at(module, node) if module and node else None
    if read is None:
        return PLAIN
    loop = loop_of(read.module, read.node)
    if loop is None:
        return _called(read, stack, position, source)
    bound = loop.bound()
    if not is_undisturbed(loop, read.node) or names(read.call.func) & bound:
        return DISTURBED
    rows = Rows.of(loop, source)
    if rows is None:
        return GONE
    query = OneQuery.of(Place(read, loop, frozenset(bound)), rows.name, source)
    edits = query.edits(rows) if query else None
    return _made(query, edits, position) if query and edits else DEPENDS


def _made(query: OneQuery, edits: Sequence[TextEdit], position: int) -> Patch:
    summary = f"Ask once before the loop: {query.column} IN (...)"
    return Patch(FIXER, summary, "review", tuple(edits), covers=(position,))


def _called(read: Read, stack: Sequence[Site], position: int, source: Source) -> Patch | str:
    """The patch where a loop calls the function that reads for each row."""
    row = _row_name(read)
    session = read.session.partition(".")[0]
    calling = calling_loop(stack, (row, session), source) if row else None
    if calling is None:
        return ELSEWHERE
    if not is_undisturbed(calling.loop, calling.call) or writes(calling.helper):
        return DISTURBED
    rows = Rows.of(calling.loop, source)
    if rows is None:
        return GONE
    bound = bound_in(read.module, calling.helper)
    place = Place(read, calling.loop, frozenset(bound), calling.names)
    query = OneQuery.of(place, rows.name, source)
    if query is None or rows.name == query.found:
        return DEPENDS
    edits = query.held(rows) or _passed(query, rows, calling)
    return _made(query, edits, position) if edits else ELSEWHERE


def _row_name(read: Read) -> str:
    """The helper's parameter that the key is read from."""
    function = read.module.enclosing(read.node, cst.FunctionDef)
    if function is None:
        return ""
    bound = bound_in(read.module, function)
    key = key_of(read, bound)
    *_, root = chains.chain(key) if key else (None,)
    if not isinstance(root, cst.Name) or root.value not in parameters(function):
        return ""
    return "" if root.value in assigned_in(read.module, function) else root.value


def _passed(query: OneQuery, rows: Rows, calling: Calling) -> list[TextEdit] | None:
    """Hand the answer to the helper, which asks as before where it gets none."""
    read, loop, name = query.place.read, calling.loop, query.found
    fitting = query.kind in ("count", "exists") and not read.later and calling.depth == 1
    if not fitting or read.module is not loop.module or not takes_one_more(calling.helper):
        return None
    imports = Imports(loop.module, None)
    text = query.text(imports)
    reading = prefer(read.module, read.node, query.value(), f"{name} is not None")
    if text is None or reading is None or name in names(calling.helper):
        return None
    last = calling.helper.params.params[-1]
    default = f", {name}: dict | None = None" if last.annotation else f", {name}=None"
    if query.kind == "exists":
        default = default.replace("dict", "set")
    return [
        *loop.before(text, rows.name, rows.opening, rows.closing),
        *rows.edits,
        *imports.edits(),
        loop.module.insert(loop.module.end(calling.call.args[-1]), f", {name}={name}"),
        read.module.insert(read.module.end(last), default),
        *reading,
    ]
