"""Adds prefetches to a queryset: plain ones, and ones that join what is to-one below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._joins import join
from unslow.lab.prescribe._layout import quoted
from unslow.lab.prescribe._managers import default_manager
from unslow.lab.prescribe._querysets import Spot
from unslow.lab.prescribe._relations import TO_ONE, Need, longest
from unslow.lab.prescribe._source import Source
from unslow.model import TextEdit

Prefix = tuple[str, ...]


def prefetch(place: Spot, args: Sequence[str]) -> list[TextEdit]:
    """Add `args` to the queryset's `prefetch_related`; nothing for the lookups that are there."""
    call = place.existing("prefetch_related")
    if call is None or not call.args:
        return place.call("prefetch_related", tuple(args))
    present = [_lookup(arg.value) for arg in call.args]
    missing = [a for a in args if not any(f"{p}__".startswith(f"{a[1:-1]}__") for p in present)]
    return [chains.add_argument(place.module, call, text) for text in missing]


def _lookup(arg: cst.BaseExpression) -> str:
    """The path that an argument of `prefetch_related` names, "" when it cannot be told."""
    if chains.function(arg) == "Prefetch" and isinstance(arg, cst.Call) and arg.args:
        return chains.string(arg.args[0].value) or ""
    return chains.string(arg) or ""


def prefetch_joined(place: Spot, needed: Sequence[Need], source: Source) -> list[TextEdit]:
    """Prefetches whose querysets join what is to-one, or nothing when that is not possible."""
    tails, models = _segments(needed)
    heads = longest(tails.pop((), []))
    imports = Imports(place.module, place.offset)
    edits = join(place, heads) if heads else []
    args: list[str] = []
    for prefix in sorted(tails, key=len):
        lookup = "__".join(prefix)
        if tails[prefix]:
            rows = ToMany(lookup, models[prefix], longest(tails[prefix]), source, imports)
            written = _with_queryset(place, rows)
            if written is None or _is_hidden(place, lookup, needed):
                return []
            if isinstance(written, str):
                args.append(written)
            else:
                edits.append(written)
        elif not any(other[: len(prefix)] == prefix for other in tails if other != prefix):
            args.append(f'"{lookup}"')
    if not edits and all(arg.startswith('"') for arg in args):
        return []
    return [*edits, *(prefetch(place, args) if args else []), *imports.edits()]


def _is_hidden(place: Spot, lookup: str, needed: Sequence[Need]) -> bool:
    """Whether a method that the chain calls has prefetched the lookup with its own queryset."""
    call = place.existing("prefetch_related")
    visible = [_lookup(arg.value) for arg in call.args] if call else []
    return lookup not in visible and any(lookup in n.origin.prefetch_related for n in needed)


def _segments(needed: Sequence[Need]) -> tuple[dict[Prefix, list[str]], dict[Prefix, str]]:
    """By each path to a to-many relation, the to-one paths that go on from there; its model."""
    tails: dict[Prefix, list[str]] = {}
    models: dict[Prefix, str] = {}
    for need in needed:
        prefix: Prefix = ()
        tail: list[str] = []
        for depth, step in enumerate(need.steps, 1):
            if step.kind in TO_ONE:
                tail.append(step.query_name or step.name)
                continue
            tails.setdefault(prefix, []).extend(["__".join(tail)] if tail else [])
            prefix, tail = need.names[:depth], []
            models[prefix] = step.model
        tails.setdefault(prefix, []).extend(["__".join(tail)] if tail else [])
    return tails, models


@dataclass(frozen=True)
class ToMany:
    """The rows of a to-many relation together with what is joined into them."""

    lookup: str
    label: str
    paths: Sequence[str]
    source: Source
    imports: Imports

    def prefetch(self) -> str | None:
        model = self.source.model(self.label)
        prefetch = self.imports.name("django.db.models", "Prefetch")
        child = self.imports.name(model.module, model.name) if model else None
        if model is None or prefetch is None or child is None:
            return None
        manager = default_manager(model, self.source)
        rows = f"{child}.{manager}.select_related({', '.join(quoted(self.paths))})"
        return f'{prefetch}("{self.lookup}", queryset={rows})'


def _with_queryset(place: Spot, rows: ToMany) -> str | TextEdit | None:
    """An argument to add, or the edit of the argument that is there; None when unsure."""
    call = place.existing("prefetch_related")
    for arg in call.args if call else ():
        present = _lookup(arg.value)
        if present == rows.lookup:
            return _extended(place, arg.value, rows)
        if present.startswith(f"{rows.lookup}__"):
            return None
    return rows.prefetch()


def _extended(place: Spot, arg: cst.BaseExpression, rows: ToMany) -> TextEdit | None:
    """Join into a prefetch that the queryset has."""
    if isinstance(arg, cst.Call):
        queryset = next((a.value for a in arg.args[1:] if _is_queryset(a)), None)
        edits = join(Spot(place.module, queryset), rows.paths) if queryset else []
        return edits[0] if len(edits) == 1 else None
    text = rows.prefetch()
    return place.module.replace(arg, text) if text else None


def _is_queryset(arg: cst.Arg) -> bool:
    return arg.keyword is None or arg.keyword.value == "queryset"
