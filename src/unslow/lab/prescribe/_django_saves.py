"""A loop that changes and saves the rows of a Django model: what it saves, if that can be told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._managers import has_plain_manager
from unslow.lab.prescribe._row_writes import (
    DATABASE,
    ELSEWHERE,
    RowWrite,
    bound_whole,
    chooses_database,
    loop_refusal,
    model_refusal,
    row_write,
    within,
)
from unslow.lab.prescribe._source import Source
from unslow.model import Field, Model, WriteEvidence

PASSED_BY = ("save", "save_base", "pre_save", "post_save")

UNPLAIN = "what each round saves is not plain to see"
HIDDEN = "a method or function is given the row, and may change more of it"
UNIQUE = "a changed field is unique, and the rows may make room for each other in turn"
OWN = "a field sets itself when it is saved"


@dataclass(frozen=True)
class Saves:
    """`row.save()` in each round of a loop; `fields` are the columns that it changes.

    `stamps` are the fields that each save sets to the time and the loop does not.
    """

    write: RowWrite
    row: str
    fields: tuple[Field, ...]
    stamps: tuple[Field, ...]


def saves(evidence: WriteEvidence, model: Model, source: Source) -> Saves | str:
    """What the loop saves, or why its rows cannot be saved together."""
    refusal = model_refusal(model, *PASSED_BY)
    if not refusal and not has_plain_manager(model, source):
        refusal = f"{model.name} has a manager of its own, which may hide rows"
    if refusal:
        return refusal
    write = row_write(evidence.stack[0], model, source)
    if write is None:
        return ELSEWHERE
    owner = chains.receiver(write.call)
    if chains.method(write.call) not in ("save", "asave") or not isinstance(owner, cst.Name):
        return UNPLAIN
    if not write.is_statement():
        return UNPLAIN
    if chooses_database(write):
        return DATABASE
    return loop_refusal(write, evidence) or _saves(write, owner.value)


def _saves(write: RowWrite, row: str) -> Saves | str:
    if not any(row in _targets(loop) for loop in _loops(write)):
        return UNPLAIN
    named = _named(write.call)
    if named is None:
        return UNPLAIN
    changed = dict.fromkeys(named or assigned(write, row))
    if row in bound_whole(write, targets=False) or _is_changed_late(write, row):
        return UNPLAIN
    if not named and any(_is_handed_on(write, node) for node in write.reads(row)):
        return HIDDEN
    fields = tuple(field_of(name, write.model) for name in changed)
    known = tuple(field for field in fields if field is not None and not field.primary_key)
    if not known or len(known) != len(fields):
        return UNPLAIN
    saved = known if named else write.model.fields
    if any(field.unique and not field.primary_key for field in known):
        return UNIQUE
    if any(field.on_save == "other" for field in saved):
        return OWN
    stamps = tuple(f for f in saved if f.on_save == "now" and f.name not in assigned(write, row))
    if any(field.type != "DateTimeField" for field in stamps):
        return OWN
    return Saves(write, row, known, stamps)


def assigned(write: RowWrite, row: str) -> list[str]:
    """The attributes of the row that the loop assigns, in order."""
    found = []
    for node in within(write.loop):
        if isinstance(node, cst.AssignTarget | cst.AugAssign):
            target = node.target
            if isinstance(target, cst.Attribute) and chains.dotted(target.value) == row:
                found.append((write.module.start(target), target.attr.value))
    return [name for _, name in sorted(found)]


def _is_changed_late(write: RowWrite, row: str) -> bool:
    """Whether the row is changed once more after it was saved."""
    return any(
        isinstance(node, cst.AssignTarget | cst.AugAssign)
        and isinstance(node.target, cst.Attribute)
        and chains.dotted(node.target.value) == row
        and write.module.start(node) > write.module.end(write.node)
        for node in within(write.loop)
    )


def field_of(name: str, model: Model) -> Field | None:
    """The column that an attribute of the row stands for; `customer_id` is `customer`."""
    return next(
        (
            field
            for field in model.fields
            if name == field.name
            or (field.type in ("ForeignKey", "OneToOneField") and name == f"{field.name}_id")
        ),
        None,
    )


def now(imports: Imports) -> str | None:
    """How the module writes the present time as `auto_now` takes it."""
    name = imports.name("django.utils", "timezone")
    return name and f"{name}.now()"


def _named(call: cst.Call) -> list[str] | None:
    """The names of `update_fields`; [] without it, None for other arguments."""
    if not call.args:
        return []
    (*others, last) = call.args
    if others or last.keyword is None or last.keyword.value != "update_fields":
        return None
    if not isinstance(last.value, cst.List | cst.Tuple | cst.Set):
        return None
    names = [chains.string(element.value) for element in last.value.elements]
    return [name for name in names if name] if all(names) else None


def _is_handed_on(write: RowWrite, node: cst.Name) -> bool:
    """Whether other code gets the row, or runs a method of it."""
    parent = write.module.parents[node]
    if isinstance(parent, cst.Attribute):
        outer = write.module.parents[parent]
        return isinstance(outer, cst.Call) and outer.func is parent and outer is not write.call
    call = write.module.parents[parent] if isinstance(parent, cst.Arg) else None
    return call is None or chains.method(call) != "append"


def _loops(write: RowWrite) -> Iterator[cst.For]:
    """The loops around the save, up to the outermost."""
    for node in write.module.ancestors(write.node):
        if isinstance(node, cst.For):
            yield node
        if node is write.loop:
            return


def _targets(loop: cst.For) -> set[str]:
    return {node.value for node in within(loop.target) if isinstance(node, cst.Name)}
