"""Deletes with one call the rows that a loop deletes one by one."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._managers import has_plain_manager
from unslow.lab.prescribe._row_writes import (
    DATABASE,
    ELSEWHERE,
    SEVERAL,
    RowWrite,
    after,
    before,
    chooses_database,
    loop_refusal,
    row_write,
    written,
)
from unslow.lab.prescribe._source import Source
from unslow.lab.prescribe._written_querysets import instead, rows_of
from unslow.model import Finding, Model, Patch, Recommendation, WriteEvidence

DETECTORS = frozenset({"row-by-row-write"})
FIXER = "django-delete"

UNPLAIN = "which rows are deleted is not plain to see"
USED = "the rows are used after they were deleted"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for the expression that deletes a row in each round."""
    found = written(finding, source, "django", "delete")
    if found is None:
        return
    evidence, model = found
    advice = _advice(evidence, model, source)
    if isinstance(advice, Patch):
        yield advice
    else:
        summary = f"Delete the rows of {model.name} together: the queryset's delete()"
        yield Recommendation(FIXER, summary, advice)


def _advice(evidence: WriteEvidence, model: Model, source: Source) -> Patch | str:
    if "delete" in model.overrides:
        return f"{model.name} overrides delete(), which a queryset's delete() does not call"
    if not has_plain_manager(model, source):
        return f"{model.name} has a manager of its own, which may delete in its way"
    write = row_write(evidence.stack[0], model, source)
    if write is None:
        return ELSEWHERE
    row = chains.receiver(write.call)
    if chains.method(write.call) not in ("delete", "adelete") or write.call.args:
        return UNPLAIN
    if not isinstance(row, cst.Name) or not write.is_statement():
        return UNPLAIN
    refusal = loop_refusal(write, evidence)
    if refusal not in ("", SEVERAL):
        return refusal
    return _whole(write) or _collected(write, row.value)


def _whole(write: RowWrite) -> Patch | None:
    """The loop does nothing but delete: the queryset deletes its rows."""
    rows = rows_of(write) if _is_alone(write) else None
    if rows is None or rows.counted:
        return None
    text = f"{write.prefix}{rows.text}.{'a' * write.awaited}delete()"
    edits = instead(write, rows, text)
    summary = f"Delete all rows of {write.model.name} at once: the queryset's delete()"
    return Patch(FIXER, summary, "review", tuple(edits)) if edits else None


def _is_alone(write: RowWrite) -> bool:
    body = write.loop.body.body
    if len(body) != 1 or not isinstance(body[0], cst.SimpleStatementLine):
        return False
    target = write.loop.target
    row = chains.receiver(write.call)
    same = isinstance(target, cst.Name) and isinstance(row, cst.Name) and target.value == row.value
    return same and len(body[0].body) == 1


def _collected(write: RowWrite, row: str) -> Patch | str:
    """The loop collects the keys of what it deletes."""
    module, model = write.module, write.model
    imports = Imports(module)
    name = imports.name(model.module, model.name)
    keys = write.free_name("to_delete", f"deleted_{model.name.lower()}s")
    if name is None or keys is None:
        return UNPLAIN
    if chooses_database(write):
        return DATABASE
    if any(module.start(node) > module.end(write.node) for node in write.reads(row)):
        return USED
    manager = f"{write.prefix}{name}.objects"
    edits = [
        before(module, write.loop, f"{keys} = []"),
        module.replace(write.node, f"{keys}.append({row}.pk)"),
        after(module, write.loop, f"{manager}.filter(pk__in={keys}).{'a' * write.awaited}delete()"),
        *imports.edits(),
    ]
    summary = f"Delete the rows of {model.name} together, by their keys"
    return Patch(FIXER, summary, "review", tuple(edits))
