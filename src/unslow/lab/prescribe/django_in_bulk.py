"""Reads by primary key, before the loop, what a loop gets row by row: `in_bulk`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._by_key import rows_of_loop
from unslow.lab.prescribe._callers import frames
from unslow.lab.prescribe._joins import join
from unslow.lab.prescribe._loops import Loop, is_repeatable, is_undisturbed, loop_of, plural
from unslow.lab.prescribe._managers import has_plain_manager
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._querysets import refusal
from unslow.lab.prescribe._source import Source
from unslow.model import (
    Finding,
    Model,
    Patch,
    Recommendation,
    Relation,
    RepeatEvidence,
    Site,
)

DETECTORS = frozenset({"repeated-query"})
FIXER = "django-in-bulk"
BASES = frozenset(
    {"all", "filter", "exclude", "only", "defer", "select_related", "prefetch_related"}
)


@dataclass(frozen=True)
class Lookup:
    """`Order.objects.get(pk=key)`, or `.filter(pk=key).first()`, which gives None when missing."""

    node: cst.BaseExpression
    base: cst.BaseExpression
    key: cst.BaseExpression
    optional: bool
    awaited: bool


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for each lookup by primary key in a loop."""
    if not isinstance(finding.evidence, RepeatEvidence):
        return
    for position, repeated in enumerate(finding.evidence.loads):
        load = repeated.load
        if load is None or load.orm != "django" or load.kind != "get" or load.relation:
            continue
        model = source.model(load.model)
        site = next(iter(repeated.uses), finding.cause)
        if model is None or site is None:
            continue
        advice = _advice(site, position, model, source)
        related = _related(frames(load, site), position, model, source)
        yield from (patch for patch in (advice, related) if isinstance(patch, Patch))
        if isinstance(advice, str) and related is None:
            yield _recommendation(model, advice)


def _advice(site: Site, position: int, model: Model, source: Source) -> Patch | str:
    """The patch, or the reason why there is none."""
    module = source.module(site.path)
    node = module.at(site) if module else None
    lookup = _lookup(module, node, model) if module and node else None
    if module is None or lookup is None:
        return "the rows are not looked up by primary key alone"
    loop = loop_of(module, lookup.node)
    if loop is None:
        return "the loop that asks for each row is in another function"
    if reason := _refusal(loop, lookup, model, source):
        return reason
    return _patch(loop, lookup, position, model) or "there is no free name for the rows"


def _lookup(module: Module, node: cst.BaseExpression, model: Model) -> Lookup | None:
    awaited = isinstance(node, cst.Await)
    call = node.expression if isinstance(node, cst.Await) else node
    if not awaited and isinstance(module.parents.get(node), cst.Await):
        node, awaited = module.parents[node], True  # type: ignore[assignment]
    name = chains.method(call).removeprefix("a") if awaited else chains.method(call)
    optional = name == "first"
    if optional and isinstance(call, cst.Call) and not call.args:
        call = chains.receiver(call) or call
        name = chains.method(call)
    if not isinstance(call, cst.Call) or name != ("filter" if optional else "get"):
        return None
    key = _key(call, model)
    base = chains.receiver(call)
    return Lookup(node, base, key, optional, awaited) if key and base else None


def _key(call: cst.Call, model: Model) -> cst.BaseExpression | None:
    primary = {"pk"} | {field.name for field in model.fields if field.primary_key}
    if len(call.args) != 1 or call.args[0].keyword is None:
        return None
    return call.args[0].value if call.args[0].keyword.value in primary else None


def _refusal(loop: Loop, lookup: Lookup, model: Model, source: Source) -> str:
    steps = {chains.method(step) for step in chains.chain(lookup.base)} - {""}
    if loop.binds(lookup.base) or steps - BASES:
        return "what is asked for each row is more than a primary key"
    if not is_repeatable(loop):
        return "the rows that the loop runs over may be gone after reading them once"
    if not is_undisturbed(loop, lookup.node):
        return "the loop writes, or handles errors"
    if not _refers(lookup.key, loop, model, source):
        return "the key may have another type than the primary key"
    narrowed = steps & {"filter", "exclude"} or not has_plain_manager(model, source)
    if not lookup.optional and (narrowed or not _is_certain(lookup.key, model, source)):
        return "a missing row raises DoesNotExist now, and a dictionary raises KeyError"
    return ""


def _refers(key: cst.BaseExpression, loop: Loop, model: Model, source: Source) -> bool:
    """Whether the key is a foreign key's value of the loop's row."""
    root = next(iter(reversed(list(chains.chain(key)))))
    return chains.dotted(root) == loop.target and bool(_columns(key, model, source))


def _is_certain(key: cst.BaseExpression, model: Model, source: Source) -> bool:
    """Whether every foreign key of the name is never NULL."""
    return not any(_columns(key, model, source))


def _columns(key: cst.BaseExpression, model: Model, source: Source) -> list[bool]:
    """Nullable or not, for each foreign key by the name; [] unless all lead to `model`."""
    name = _attribute(key)
    relations = [
        relation
        for owner in source.models
        if owner.orm == "django"
        for relation in owner.relations
        if relation.kind in ("forward", "one-to-one")
        and (relation.column or f"{relation.name}_id") == name
    ]
    fitting = all(relation.model == model.label for relation in relations)
    return [relation.null for relation in relations] if fitting else []


def _attribute(key: cst.BaseExpression) -> str:
    """`order_id` of `payment.order_id` and of `entry["order_id"]`."""
    if isinstance(key, cst.Attribute):
        return key.attr.value
    if isinstance(key, cst.Subscript) and len(key.slice) == 1:
        index = key.slice[0].slice
        return (chains.string(index.value) or "") if isinstance(index, cst.Index) else ""
    return ""


def _patch(loop: Loop, lookup: Lookup, position: int, model: Model) -> Patch | None:
    module = loop.module
    many = plural(model.name)
    found = loop.free_name(many, f"{many}_by_pk")
    rows = loop.rows_name()
    if found is None or rows is None or found == rows:
        return None
    key = module.text(lookup.key)
    keys = f"[{key} for {loop.target} in {rows}]"
    read = "await " * lookup.awaited + f"{module.text(lookup.base)}.{'a' * lookup.awaited}in_bulk"
    instead = f"{found}.get({key})" if lookup.optional else f"{found}[{key}]"
    edits = [
        *loop.before(f"{found} = {read}({keys})", rows),
        module.replace(lookup.node, instead),
    ]
    summary = f"Read all {many} before the loop: in_bulk"
    return Patch(FIXER, summary, "review", tuple(edits), covers=(position,))


def _related(stack: Sequence[Site], position: int, model: Model, source: Source) -> Patch | None:
    """Read the relation that has the key, joined to the rows of the loop, here or in a caller."""
    module = source.module(stack[0].path)
    node = module.at(stack[0]) if module else None
    lookup = _lookup(module, node, model) if module and node else None
    if module is None or lookup is None or not isinstance(lookup.key, cst.Attribute):
        return None
    owner = chains.dotted(lookup.key.value)
    base = chains.dotted(lookup.base)
    rows = rows_of_loop(module, lookup.node, owner, stack, source)
    if rows is None or base != f"{model.name}.objects" or refusal(rows.place):
        return None
    parents = [m for m in source.models if m.orm == "django" and m.name == rows.root]
    relation = _key_relation(lookup, parents[0], model) if len(parents) == 1 else None
    waits = lookup.awaited and not rows.direct
    if relation is None or waits or not has_plain_manager(model, source):
        return None
    joined = join(rows.place, [relation.query_name or relation.name])
    edits = (*joined, module.replace(lookup.node, f"{owner}.{relation.name}"))
    summary = f"Read {owner}.{relation.name}, joined to its rows"
    return Patch(FIXER, summary, "review", edits, covers=(position,))


def _key_relation(lookup: Lookup, parent: Model, model: Model) -> Relation | None:
    """The parent's foreign key to `model` whose value is the key, and never a missing row."""
    name = _attribute(lookup.key)
    for relation in parent.relations:
        column = relation.column or f"{relation.name}_id"
        if relation.kind in ("forward", "one-to-one") and column == name:
            sure = lookup.optional or not relation.null
            return relation if relation.model == model.label and sure else None
    return None


def _recommendation(model: Model, reason: str) -> Recommendation:
    summary = f"Read the rows of {model.name} together: {model.name}.objects.in_bulk(keys)"
    return Recommendation(FIXER, summary, reason)
