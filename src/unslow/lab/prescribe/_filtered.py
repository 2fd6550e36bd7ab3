"""Prefetches the rows that a constant filter leaves of a to-many relation, under their own name."""

from __future__ import annotations

from collections.abc import Sequence

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._constants import Mover
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._layout import Call
from unslow.lab.prescribe._managers import default_manager
from unslow.lab.prescribe._naming import filter_words, is_taken
from unslow.lab.prescribe._querysets import Spot
from unslow.lab.prescribe._relations import Need
from unslow.lab.prescribe._source import Source
from unslow.lab.prescribe._uses import Use, instead, rows_at
from unslow.model import Site, TextEdit


def prefetch_filtered(
    place: Spot, wanted: Sequence[tuple[Need, Use]], source: Source
) -> list[TextEdit] | None:
    """`Prefetch(..., queryset=..., to_attr=...)` for each, read where the rows are used.

    None when unsure; [] when all of it is there.
    """
    imports = Imports(place.module, place.offset)
    args: list[Call] = []
    edits: list[TextEdit] = []
    for need, use in wanted:
        if use.rewritten:
            continue
        written = _prefetch(place, need, use, source, imports)
        reading = written and instead(use, f"{use.owner}.{written[1]}", written[1])
        if not written or reading is None:
            return None
        args.append(written[0])
        edits += reading
    if not args:
        return []
    call = place.existing("prefetch_related")
    if call is None or not call.args:
        return [*place.call("prefetch_related", tuple(args)), *imports.edits(), *edits]
    added = [chains.add_argument(place.module, call, str(arg)) for arg in args]
    return [*added, *imports.edits(), *edits]


def rows_of(need: Need, source: Source) -> tuple[Need, Use] | None:
    """The expression that reads the filtered rows; None when it is not plain to see."""
    site = _site(need)
    use = rows_at(source, site, need.steps[-1].name) if site else None
    return (need, use) if use else None


def _site(need: Need) -> Site | None:
    """The whole expression that builds the per-row queryset."""
    links = need.load.queryset.links if need.load.queryset else ()
    own = [link.stack[0] for link in links if link.stack and link.direct]
    return own[-1] if own else next(iter(need.repeated.uses), None)


def _prefetch(
    place: Spot, need: Need, use: Use, source: Source, imports: Imports
) -> tuple[Call, str] | None:
    relation = need.steps[-1]
    model = source.model(relation.model)
    parent = source.model(need.parent)
    prefetch = imports.name("django.db.models", "Prefetch")
    child = imports.name(model.module, model.name) if model else None
    if model is None or parent is None or prefetch is None or child is None:
        return None
    mover = Mover(use.module, source, imports, use.owner, lambda attribute: None)
    rows = f"{child}.{default_manager(model, source)}"
    for step in use.steps:
        args = mover.args(step)
        if args is None:
            return None
        if chains.method(step) != "all":
            rows += f".{chains.method(step)}({', '.join(args)})"
    if all(chains.method(step) == "all" for step in use.steps):
        rows += ".all()"  # a manager is no queryset, and Prefetch wants one
    name = f"{filter_words(use) or 'selected'}_{relation.name}"
    if is_taken(name, parent, place, source):
        return None
    lookup = "__".join(need.names)
    return Call(prefetch, (f'"{lookup}"', f"queryset={rows}", f'to_attr="{name}"')), name
