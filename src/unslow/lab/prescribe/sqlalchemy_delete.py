"""Lets one `DELETE` remove the rows that a loop deletes in a SQLAlchemy session."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._row_writes import model_refusal, written
from unslow.lab.prescribe._session_rows import SessionLoop, body, loop_at, session_loop
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Model, Patch, Recommendation, WriteEvidence

DETECTORS = frozenset({"row-by-row-write"})
FIXER = "sqlalchemy-delete"
PASSED_BY = ("version_id_col", "before_delete", "after_delete")
OWNED = frozenset({"reverse", "reverse-one-to-one", "many-to-many"})

ELSEWHERE = "the loop that deletes the rows is not plain to see"
MORE = "the loop does more than to delete its rows"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for a loop of nothing but deletions."""
    found = written(finding, source, "sqlalchemy", "delete")
    if found is None:
        return
    evidence, model = found
    advice = _advice(evidence, model, source)
    if isinstance(advice, Patch):
        yield advice
    else:
        summary = f"Delete the rows of {model.name} in one statement: delete({model.name})"
        yield Recommendation(FIXER, summary, advice)


def _advice(evidence: WriteEvidence, model: Model, source: Source) -> Patch | str:
    """The patch, or the reason why there is none."""
    if refusal := model_refusal(model, *PASSED_BY):
        return refusal
    owned = [relation.name for relation in model.relations if relation.kind in OWNED]
    if owned or evidence.others:
        names = ", ".join(owned) or "other tables"
        return f"the session deletes or detaches related rows as well ({names})"
    at = loop_at(evidence, model, source)
    loop = session_loop(*at, model) if at is not None else ELSEWHERE
    if isinstance(loop, str):
        return loop
    if not body(loop, lambda small: _deletes(loop, small)):
        return MORE
    imports = Imports(loop.module)
    delete = imports.name("sqlalchemy", "delete")
    if delete is None:
        return ELSEWHERE
    edits = loop.instead(f"{delete}({loop.name})")
    summary = f"Delete all rows of {loop.name} in one statement: delete"
    return Patch(FIXER, summary, "review", (*edits, *imports.edits()))


def _deletes(loop: SessionLoop, small: cst.BaseSmallStatement) -> bool:
    """`session.delete(row)`."""
    value = small.value if isinstance(small, cst.Expr) else None
    call = value.expression if isinstance(value, cst.Await) else value
    if not isinstance(call, cst.Call) or chains.method(call) != "delete":
        return False
    owner = chains.receiver(call)
    mine = owner is not None and chains.dotted(owner) == loop.session
    return mine and [chains.dotted(arg.value) for arg in call.args] == [loop.row]
